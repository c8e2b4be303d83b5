#include "server/rpc/listener.h"

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace predictd::rpc {
namespace {

// What a caller may send before its call is taken.
constexpr int kMaxMetadataBytes = 16 << 10;

absl::StatusOr<std::string> ReadPem(absl::string_view flag, const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || !absl::StrContains(text.str(), "-----BEGIN")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": ", path, " is no readable PEM file"));
  }
  return text.str();
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
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({*key, *cert});
  if (!options.tls_client_ca.empty()) {
    const auto client_ca = ReadPem("tls_client_ca", options.tls_client_ca);
    if (!client_ca.ok()) return client_ca.status();
    tls.pem_root_certs = *client_ca;
    tls.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(tls);
}

void SetLimits(const ListenOptions& options, grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.SetMaxReceiveMessageSize(options.max_message_mb << 20);
}

}  // namespace predictd::rpc
