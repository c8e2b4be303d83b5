// Addresses, threads, who may call what, and the end.
#include <algorithm>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/cpus.h"
#include "server/base/status.h"
#include "server/config/flag_groups.h"

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
    "most threads that take calls, each with a completion queue and a Redis connection of its own; "
    "0 = number of CPUs");
ABSL_FLAG(int, min_event_loops, 1,
          "those of them that take calls from the start; the others rest until one has no "
          "pause left with heavy calls or those of several connections, and a CPU is free");
ABSL_FLAG(
    int, max_message_mb, 4,
    "largest request, in MiB; the answer to tensors or a batch takes at most 16 times as much");
ABSL_FLAG(int, max_streams, 1024, "calls under way per connection");
ABSL_FLAG(absl::Duration, max_connection_age, absl::ZeroDuration(),
          "age at which a connection is ended, so that its client looks for servers anew; calls "
          "under way have --drain_timeout to end, streams too; 0 = never");
ABSL_FLAG(absl::Duration, lame_duck, absl::ZeroDuration(),
          "after SIGTERM, how long health says NOT_SERVING while everyone is still served");
ABSL_FLAG(
    absl::Duration, drain_timeout, absl::Seconds(30),
    "longest time between SIGTERM and exit; calls without an answer 0.5 s before its end, 1.25 s "
    "with --save_to, are answered UNAVAILABLE");
ABSL_FLAG(std::string, log_format, "text", "text or json; one line per event, to stderr");
ABSL_FLAG(std::string, log_level, "info",
          "lowest level that is written: debug (one line per request), info, warning, error");

namespace predictd::config {
namespace {

// Largest answer to tensors or a batch: so many times the largest request, and no more than
// Protocol Buffers can send, with some room for what is around the values.
constexpr size_t kAnswerPerRequest = 16;
constexpr size_t kMostAnswerMb = 2000;

}  // namespace

absl::Status ReadServing(Config& config) {
  PREDICTD_RETURN_IF_ERROR(
      ReadList("listen", absl::GetFlag(FLAGS_listen), config.listen.addresses));
  if (config.listen.addresses.empty())
    return Invalid("listen", "names no address; write host:port or unix:/path.sock");
  config.listen.tls_cert = absl::GetFlag(FLAGS_tls_cert);
  config.listen.tls_key = absl::GetFlag(FLAGS_tls_key);
  config.listen.tls_client_ca = absl::GetFlag(FLAGS_tls_client_ca);
  config.listen.max_message_mb = absl::GetFlag(FLAGS_max_message_mb);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_message_mb", config.listen.max_message_mb, 1, 1024));
  config.max_answer_bytes =
      std::min(kAnswerPerRequest * config.listen.max_message_mb, kMostAnswerMb) << 20;
  config.listen.max_streams = absl::GetFlag(FLAGS_max_streams);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_streams", config.listen.max_streams, 1, 1 << 20));
  config.http_listen = absl::GetFlag(FLAGS_http_listen);
  config.lame_duck = absl::GetFlag(FLAGS_lame_duck);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("lame_duck", config.lame_duck, true));
  config.drain_timeout = absl::GetFlag(FLAGS_drain_timeout);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("drain_timeout", config.drain_timeout, false));
  config.listen.max_connection_age = absl::GetFlag(FLAGS_max_connection_age);
  PREDICTD_RETURN_IF_ERROR(
      CheckDuration("max_connection_age", config.listen.max_connection_age, true));
  config.listen.connection_grace = config.drain_timeout;
  if (config.lame_duck >= config.drain_timeout) {
    return Invalid("lame_duck", absl::StrCat("must be shorter than --drain_timeout, which is ",
                                             absl::FormatDuration(config.drain_timeout),
                                             ": those who call in that time are served first"));
  }
  PREDICTD_RETURN_IF_ERROR(CheckRange("event_loops", absl::GetFlag(FLAGS_event_loops), 0, 1024));
  config.event_loops = absl::GetFlag(FLAGS_event_loops);
  if (config.event_loops == 0) config.event_loops = UsableCpus();
  config.min_event_loops = absl::GetFlag(FLAGS_min_event_loops);
  PREDICTD_RETURN_IF_ERROR(
      CheckRange("min_event_loops", config.min_event_loops, 1, config.event_loops));
  PREDICTD_RETURN_IF_ERROR(Choose<rpc::AdminAccess>("admin", absl::GetFlag(FLAGS_admin),
                                                    {{"off", rpc::AdminAccess::kOff},
                                                     {"loopback", rpc::AdminAccess::kLoopback},
                                                     {"all", rpc::AdminAccess::kAll}},
                                                    config.admin));
  PREDICTD_RETURN_IF_ERROR(Choose<LogFormat>(
      "log_format", absl::GetFlag(FLAGS_log_format),
      {{"text", LogFormat::kText}, {"json", LogFormat::kJson}}, config.log_format));
  return Choose<LogLevel>("log_level", absl::GetFlag(FLAGS_log_level),
                          {{"debug", LogLevel::kDebug},
                           {"info", LogLevel::kInfo},
                           {"warning", LogLevel::kWarning},
                           {"error", LogLevel::kError}},
                          config.log_level);
}

}  // namespace predictd::config
