#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/connection.h"

ABSL_FLAG(std::string, server, "127.0.0.1:50051",
          "Address of predictd's gRPC side: HOST:PORT or unix:/PATH");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(5), "Longest time for one call, such as 500ms");
ABSL_FLAG(bool, tls, false, "Encrypt, trusting the system's certificate authorities");
ABSL_FLAG(std::string, tls_ca, "",
          "PEM file of the certificate authorities to trust instead; turns TLS on");
ABSL_FLAG(std::string, tls_cert, "",
          "PEM file of this client's certificate, where the server asks for one; turns TLS on");
ABSL_FLAG(std::string, tls_key, "", "PEM file of the key of --tls_cert");

namespace predictd::client {

ConnectionOptions ConnectionOptionsFromFlags() {
  return {.server = absl::GetFlag(FLAGS_server),
          .tls = absl::GetFlag(FLAGS_tls),
          .tls_ca = absl::GetFlag(FLAGS_tls_ca),
          .tls_cert = absl::GetFlag(FLAGS_tls_cert),
          .tls_key = absl::GetFlag(FLAGS_tls_key)};
}

absl::StatusOr<Connection> Connect() {
  Connection connection;
  connection.server = absl::GetFlag(FLAGS_server);
  connection.timeout = absl::GetFlag(FLAGS_timeout);
  if (connection.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--timeout=", absl::FormatDuration(connection.timeout), " must be above 0, such as 5s"));
  }
  auto channel = MakeChannel(ConnectionOptionsFromFlags());
  if (!channel.ok()) return channel.status();
  connection.channel = *std::move(channel);
  return connection;
}

}  // namespace predictd::client
