#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/concurrency.h"
#include "client/id_reader.h"
#include "client/load/bench_options.h"
#include "client/load/cpu_time.h"
#include "server/base/status.h"

ABSL_FLAG(std::string, rpc, "predict",
          "What is sent: predict, batch, stream or infer (ModelInfer of the Open Inference "
          "Protocol, to any server that speaks it)");
ABSL_FLAG(std::string, infer_inputs, "",
          "Inputs of --rpc=infer, such as x:FP32[17],ids:INT64[3] without the batch dimension; "
          "empty = asks the server; zeros are sent");
ABSL_FLAG(int, infer_rows, 1, "Rows per request of --rpc=infer");
ABSL_FLAG(double, rate, 0,
          "Requests per second of an open loop, whose latencies count from when a request should "
          "have been sent; 0 = closed loop with --concurrency requests in flight");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(10), "Measured time");
ABSL_FLAG(int64_t, requests, 0, "Measure this many requests rather than --duration; 0 = off");
ABSL_FLAG(absl::Duration, warmup, absl::Seconds(1), "Time under load before the measured time");
ABSL_FLAG(std::string, users, "", "File of user ids, one per line; empty = --user_range");
ABSL_FLAG(std::string, user_range, "1:5000", "User ids, FIRST:LAST; each request draws one evenly");
ABSL_FLAG(int, connections, 1, "Connections to the server");
ABSL_FLAG(int, threads, 1, "Sending threads, each with its share of connections and requests");
ABSL_FLAG(std::string, server_pid, "",
          "Process ids of the server on this machine, comma-separated: tells its CPU per request");

namespace predictd::client {
namespace {

absl::StatusOr<RpcKind> ParseRpc(const std::string& name) {
  if (name == "predict") return RpcKind::kPredict;
  if (name == "batch") return RpcKind::kBatch;
  if (name == "stream") return RpcKind::kStream;
  if (name == "infer") return RpcKind::kInfer;
  return absl::InvalidArgumentError(
      absl::StrCat("--rpc=", name, " is none of predict, batch, stream, infer"));
}

absl::StatusOr<std::vector<std::string>> ReadUsers() {
  const std::string path = absl::GetFlag(FLAGS_users);
  if (path.empty()) return UserRange(absl::GetFlag(FLAGS_user_range));
  errno = 0;
  std::ifstream file(path);
  IdReader reader(file);
  std::vector<std::string> users;
  std::string id;
  while (reader.Next(&id)) users.push_back(id);
  if (users.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--users=", path, ": ",
                                                   errno != 0 ? std::strerror(errno) : "no ids",
                                                   "; pass a file with one user id per line"));
  }
  return users;
}

absl::StatusOr<std::vector<int>> ParsePids(const std::string& text) {
  std::vector<int> pids;
  for (const absl::string_view piece : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    int pid = 0;
    if (!absl::SimpleAtoi(piece, &pid) || pid <= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--server_pid=", text, ": '", piece, "' is no process id"));
    }
    pids.push_back(pid);
  }
  if (const auto used = CpuTimeOf(pids); !used.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--server_pid=", text, ": ", used.status().message(), " on this machine"));
  }
  return pids;
}

absl::Status CheckNumbers(const BenchOptions& options) {
  const auto invalid = [](absl::string_view what) { return absl::InvalidArgumentError(what); };
  const LoadOptions& load = options.load;
  if (!std::isfinite(load.rate) || load.rate < 0) return invalid("--rate must be 0 or above");
  if (load.requests < 0) return invalid("--requests must be 0 (use --duration) or above");
  if (load.warmup < absl::ZeroDuration() || load.warmup > absl::Hours(24)) {
    return invalid("--warmup must be between 0 and 24h");
  }
  if (load.duration <= absl::ZeroDuration() || load.duration > absl::Hours(24 * 7)) {
    return invalid("--duration must be above 0 and at most 168h");
  }
  if (options.connections < 1) return invalid("--connections must be 1 or above");
  if (load.threads < 1) return invalid("--threads must be 1 or above");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BenchOptions> BenchOptionsFromFlags() {
  constexpr int kClosedLoopRequests = 64;
  constexpr int kOpenLoopRequests = 10'000;
  BenchOptions options;
  LoadOptions& load = options.load;
  load.rate = absl::GetFlag(FLAGS_rate);
  load.requests = absl::GetFlag(FLAGS_requests);
  load.warmup = absl::GetFlag(FLAGS_warmup);
  load.duration = absl::GetFlag(FLAGS_duration);
  load.threads = absl::GetFlag(FLAGS_threads);
  options.connections = absl::GetFlag(FLAGS_connections);
  PREDICTD_RETURN_IF_ERROR(CheckNumbers(options));

  const auto kind = ParseRpc(absl::GetFlag(FLAGS_rpc));
  if (!kind.ok()) return kind.status();
  load.rpc.kind = *kind;
  const auto rows = BatchRowsFromFlags();
  if (!rows.ok()) return rows.status();
  load.rpc.batch_rows = *rows;
  if (load.rpc.kind == RpcKind::kInfer) {
    load.rpc.batch_rows = absl::GetFlag(FLAGS_infer_rows);
    options.infer_inputs = absl::GetFlag(FLAGS_infer_inputs);
    if (load.rpc.batch_rows < 1) {
      return absl::InvalidArgumentError("--infer_rows must be 1 or above");
    }
  }
  const auto slots = ConcurrencyFromFlags(load.rate > 0 ? kOpenLoopRequests : kClosedLoopRequests);
  if (!slots.ok()) return slots.status();
  load.rpc.slots = *slots;
  // A thread without a request would have nothing to do.
  load.threads = std::min(load.threads, *slots);

  auto pids = ParsePids(absl::GetFlag(FLAGS_server_pid));
  if (!pids.ok()) return pids.status();
  load.server_pids = *std::move(pids);
  auto users = ReadUsers();
  if (!users.ok()) return users.status();
  options.users = *std::move(users);
  return options;
}

}  // namespace predictd::client
