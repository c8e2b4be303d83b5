#include "server/rpc/listener.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace predictd::rpc {
namespace {

// What a caller may send before its call is taken.
constexpr int kMaxMetadataBytes = 16 << 10;

// Clients' keepalive pings, also of those that have no call under way: gRPC throws off who pings
// more often than every five minutes, and clients are commonly set to ten seconds.
constexpr absl::Duration kShortestPingInterval = absl::Seconds(5);
// The server's own pings notice a client that has vanished without a word, whose connection would
// otherwise stay for hours.
constexpr absl::Duration kPingEvery = absl::Seconds(60);
constexpr absl::Duration kPingTimeout = absl::Seconds(20);

int Milliseconds(absl::Duration duration) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 1, kMost));
}

absl::StatusOr<std::string> ReadPem(absl::string_view flag, const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || !absl::StrContains(text.str(), "-----BEGIN")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": ", path,
                     " is no readable PEM file; give the path of one that predictd may read"));
  }
  return text.str();
}

// What gRPC would find out only as callers connect.

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Bio Reader(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

// The first one in the file of `flag`.
absl::StatusOr<Certificate> ReadCertificate(absl::string_view flag, const std::string& path,
                                            const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Reader(pem).get(), nullptr, nullptr, nullptr),
                          X509_free);
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": ", path, " holds no certificate; give a PEM file with one"));
}

absl::Status CheckPair(const ListenOptions& options, const std::string& key_pem,
                       const std::string& cert_pem) {
  // An empty password, or OpenSSL would ask the terminal for one.
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(Reader(key_pem).get(), nullptr, nullptr, const_cast<char*>("")),
      EVP_PKEY_free);
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls_key: ", options.tls_key, " holds no private key without a password"));
  }
  const auto certificate = ReadCertificate("tls_cert", options.tls_cert, cert_pem);
  PREDICTD_RETURN_IF_ERROR(certificate.status());
  if (X509_check_private_key(certificate->get(), key.get()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--tls_key: ", options.tls_key,
                                                 " is not the key of the first certificate in ",
                                                 "--tls_cert: ", options.tls_cert));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ListenOptions& options) {
  if (options.tls_cert.empty() && options.tls_key.empty()) {
    if (!options.tls_client_ca.empty()) {
      return absl::InvalidArgumentError("--tls_client_ca needs --tls_cert and --tls_key");
    }
    return grpc::InsecureServerCredentials();
  }
  if (options.tls_cert.empty() || options.tls_key.empty()) {
    return absl::InvalidArgumentError("--tls_cert and --tls_key go together; give both");
  }
  const auto key = ReadPem("tls_key", options.tls_key);
  if (!key.ok()) return key.status();
  const auto cert = ReadPem("tls_cert", options.tls_cert);
  if (!cert.ok()) return cert.status();
  PREDICTD_RETURN_IF_ERROR(CheckPair(options, *key, *cert));
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({*key, *cert});
  if (!options.tls_client_ca.empty()) {
    const auto client_ca = ReadPem("tls_client_ca", options.tls_client_ca);
    if (!client_ca.ok()) return client_ca.status();
    PREDICTD_RETURN_IF_ERROR(
        ReadCertificate("tls_client_ca", options.tls_client_ca, *client_ca).status());
    tls.pem_root_certs = *client_ca;
    tls.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(tls);
}

void SetLimits(const ListenOptions& options, grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.SetMaxReceiveMessageSize(options.max_message_mb << 20);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kShortestPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kPingEvery));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kPingTimeout));
  // In both directions: idle connections are pinged, too, and without an end.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  if (options.max_connection_age > absl::ZeroDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               Milliseconds(options.max_connection_age));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                               Milliseconds(options.connection_grace));
  }
}

}  // namespace predictd::rpc
