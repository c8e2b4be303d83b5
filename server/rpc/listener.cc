#include "server/rpc/listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

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

absl::Status CheckNotServed(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "unix:")) return absl::OkStatus();
  absl::ConsumePrefix(&address, "//");
  sockaddr_un target = {};
  target.sun_family = AF_UNIX;
  if (address.size() >= sizeof(target.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("--listen: the socket path ", address,
                                                   " is longer than ", sizeof(target.sun_path) - 1,
                                                   " bytes"));
  }
  std::memcpy(target.sun_path, address.data(), address.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool served =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) == 0;
  ::close(probe);
  if (!served) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("--listen: another process serves ", address,
                                                    "; stop it or choose another address"));
}

void Configure(const ListenOptions& options,
               const std::shared_ptr<grpc::ServerCredentials>& credentials,
               grpc::ServerBuilder& builder, std::vector<int>& ports) {
  // Two servers that shared a port would each get some of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.SetMaxReceiveMessageSize(options.max_message_mb << 20);
  ports.assign(options.addresses.size(), 0);
  for (size_t i = 0; i < options.addresses.size(); ++i) {
    builder.AddListeningPort(options.addresses[i], credentials, &ports[i]);
  }
}

std::string BoundAddress(const std::string& address, int port) {
  if (absl::StartsWith(address, "unix:")) return address;
  const size_t colon = address.rfind(':');
  const bool has_port = colon != std::string::npos && address.find(']', colon) == std::string::npos;
  return absl::StrCat(has_port ? address.substr(0, colon) : address, ":", port);
}

}  // namespace predictd::rpc
