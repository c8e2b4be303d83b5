// Addresses, threads, who may call what, and the end.
#include <string>

#include "absl/flags/flag.h"
#include "absl/time/time.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:50051",
          "gRPC addresses, comma-separated: host:port, [::1]:port, unix:/path.sock; port 0 takes a "
          "free one");
ABSL_FLAG(std::string, http_listen, "127.0.0.1:8080",
          "address of the HTTP side with /metrics, /healthz and /readyz: host:port, [::1]:port; "
          "port 0 takes a free one; empty = off");
ABSL_FLAG(std::string, tls_cert, "",
          "PEM file with the server's certificate chain; empty = no TLS");
ABSL_FLAG(std::string, tls_key, "", "PEM file with the certificate's private key");
ABSL_FLAG(std::string, tls_client_ca, "",
          "PEM file with the authority whose client certificates are required; empty = none are");
ABSL_FLAG(std::string, admin, "loopback",
          "who may call LoadModel, UnloadModel, PutFeatures and the repository RPCs of the Open "
          "Inference Protocol: off, loopback (also Unix sockets), all");
ABSL_FLAG(
    int, event_loops, 0,
    "threads that take calls, each with a completion queue and a Redis connection of its own; "
    "0 = number of CPUs");
ABSL_FLAG(
    int, max_message_mb, 4,
    "largest request, in MiB; the answer to tensors or a batch takes at most 16 times as much");
ABSL_FLAG(int, max_streams, 1024, "calls under way per connection");
ABSL_FLAG(absl::Duration, lame_duck, absl::ZeroDuration(),
          "after SIGTERM, how long health says NOT_SERVING while everyone is still served");
ABSL_FLAG(
    absl::Duration, drain_timeout, absl::Seconds(30),
    "longest time between SIGTERM and exit; calls without an answer 0.5 s before its end, 1.25 s "
    "with --save_to, are answered UNAVAILABLE");
ABSL_FLAG(std::string, log_format, "text", "text or json; one line per event, to stderr");
ABSL_FLAG(std::string, log_level, "info",
          "lowest level that is written: debug (one line per request), info, warning, error");
