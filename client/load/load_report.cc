#include "client/load/load_report.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "client/json_object.h"
#include "client/status_text.h"
#include "client/table.h"
#include "client/text.h"

namespace predictd::client {
namespace {

constexpr struct {
  absl::string_view name;
  absl::string_view json_name;
  double fraction;
} kPercentiles[] = {{"p50", "p50", 0.5},
                    {"p90", "p90", 0.9},
                    {"p99", "p99", 0.99},
                    {"p99.9", "p99_9", 0.999},
                    {"max", "max", 1}};

absl::string_view RpcName(RpcKind kind) {
  switch (kind) {
    case RpcKind::kPredict:
      return "predict";
    case RpcKind::kBatch:
      return "batch";
    case RpcKind::kInfer:
      return "infer";
    case RpcKind::kStream:
      return "stream";
  }
  return "";
}

// Requests that each bring a number of rows of their own.
bool HasRows(const RpcOptions& rpc) {
  return rpc.kind == RpcKind::kBatch || rpc.kind == RpcKind::kInfer;
}

double PerSecond(int64_t count, const LoadResult& result) {
  return static_cast<double>(count) / absl::ToDoubleSeconds(result.measured);
}

double MicrosPerRequest(absl::Duration cpu, const LoadResult& result) {
  return absl::ToDoubleMicroseconds(cpu) / static_cast<double>(result.tally.good_in_time());
}

absl::Duration PercentileOf(const LatencyHistogram& latency, double fraction) {
  return fraction == 1 ? latency.max() : latency.Percentile(fraction);
}

// Three significant digits.
std::string LatencyText(absl::Duration latency) {
  const double us = absl::ToDoubleMicroseconds(latency);
  const auto digits = [](double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; };
  if (us < 999.5) return absl::StrFormat("%.*fus", digits(us), us);
  if (us < 999.5e3) return absl::StrFormat("%.*fms", digits(us / 1e3), us / 1e3);
  return absl::StrFormat("%.*fs", digits(us / 1e6), us / 1e6);
}

std::string CpuText(absl::Duration cpu, const LoadResult& result) {
  const double cores = absl::FDivDuration(cpu, result.measured);
  if (result.tally.good_in_time() == 0) return absl::StrFormat("%.2f cores", cores);
  return absl::StrFormat("%.1fus per request  (%.2f cores)", MicrosPerRequest(cpu, result), cores);
}

std::string PerSecondText(int64_t count, const LoadResult& result) {
  const double rate = PerSecond(count, result);
  return rate < 100 ? absl::StrFormat("%.1f", rate)
                    : FormatCount(static_cast<int64_t>(std::llround(rate)));
}

std::vector<std::string> LatencyRow(absl::string_view title, const LatencyHistogram& latency) {
  std::vector<std::string> row = {std::string(title)};
  for (const auto& p : kPercentiles) {
    row.push_back(absl::StrCat(p.name, " ", LatencyText(PercentileOf(latency, p.fraction))));
  }
  return row;
}

// "predict, 64 in flight, 1 connection, 10s after 1s of warm-up"
std::string SetUpText(const LoadOptions& options, const LoadResult& result) {
  const auto connections = options.rpc.channels.size();
  return absl::StrCat(
      RpcName(options.rpc.kind),
      HasRows(options.rpc) ? absl::StrCat(" of ", options.rpc.batch_rows) : "", ", ",
      options.rate > 0 ? absl::StrFormat("%g requests/s", options.rate)
                       : absl::StrCat(options.rpc.slots, " in flight"),
      ", ", connections, connections == 1 ? " connection, " : " connections, ",
      options.threads > 1 ? absl::StrCat(options.threads, " threads, ") : "",
      FormatBrief(result.measured), " after ", FormatBrief(options.warmup), " of warm-up");
}

std::string LatencyJson(const LatencyHistogram& latency) {
  JsonObject object;
  object.AddRounded("mean", absl::ToDoubleMicroseconds(latency.mean()), 1);
  for (const auto& p : kPercentiles) {
    object.AddRounded(p.json_name, absl::ToDoubleMicroseconds(PercentileOf(latency, p.fraction)),
                      1);
  }
  return object.Text();
}

}  // namespace

std::string LoadReportText(const LoadOptions& options, const LoadResult& result,
                           const std::string& server) {
  const Tally& tally = result.tally;
  // Latencies stand in columns of their own, which the longer cells of other rows must not widen.
  Table latencies;
  latencies.AddRow(LatencyRow("latency   ", tally.good()));
  if (tally.failed().count() > 0) latencies.AddRow(LatencyRow("failures", tally.failed()));
  std::string codes;
  for (int code = 0; code < Tally::kCodes; ++code) {
    if (tally.requests_with(code) == 0) continue;
    absl::StrAppend(&codes, codes.empty() ? "" : "  ", CodeName(code), " ",
                    FormatCount(tally.requests_with(code)));
  }
  Table rates;
  rates.AddRow({"requests/s", PerSecondText(tally.good_in_time(), result)});
  if (HasRows(options.rpc)) {
    rates.AddRow({"rows/s", PerSecondText(tally.rows_in_time(), result)});
  }
  Table rest;
  rest.AddRow({"codes     ", codes.empty() ? "none" : codes});
  if (tally.failed_rows() > 0) rest.AddRow({"bad rows", FormatCount(tally.failed_rows())});
  if (result.server_cpu) rest.AddRow({"server CPU", CpuText(*result.server_cpu, result)});
  rest.AddRow({"client CPU", CpuText(result.client_cpu, result)});
  return absl::StrCat(server, ": ", SetUpText(options, result), "\n\n", rates.Text(),
                      latencies.Text(), rest.Text());
}

std::string LoadReportJson(const LoadOptions& options, const LoadResult& result,
                           const std::string& server) {
  const Tally& tally = result.tally;
  JsonObject codes;
  for (int code = 0; code < Tally::kCodes; ++code) {
    if (tally.requests_with(code) == 0) continue;
    codes.AddInteger(CodeName(code), tally.requests_with(code));
  }
  JsonObject failed_by_code;
  for (const auto& [code, latency] : tally.failed_by_code()) {
    failed_by_code.AddJson(CodeName(code), LatencyJson(latency));
  }
  JsonObject object;
  object.AddText("server", server).AddText("rpc", RpcName(options.rpc.kind));
  if (options.rate > 0) {
    object.AddRounded("rate", options.rate, 3)
        .AddRounded("sent_per_second", PerSecond(tally.sent_in_time(), result), 1);
  } else {
    object.AddInteger("concurrency", static_cast<int64_t>(options.rpc.slots));
  }
  if (HasRows(options.rpc)) {
    object.AddInteger("batch_rows", options.rpc.batch_rows);
  }
  object.AddInteger("connections", static_cast<int64_t>(options.rpc.channels.size()))
      .AddInteger("threads", options.threads)
      .AddRounded("seconds", absl::ToDoubleSeconds(result.measured), 3)
      .AddInteger("requests", tally.requests())
      .AddRounded("requests_per_second", PerSecond(tally.good_in_time(), result), 1)
      .AddRounded("rows_per_second", PerSecond(tally.rows_in_time(), result), 1)
      .AddInteger("failed_rows", tally.failed_rows())
      .AddJson("latency_us", LatencyJson(tally.good()))
      .AddJson("failed_latency_us", LatencyJson(tally.failed()))
      .AddJson("failed_latency_us_by_code", failed_by_code.Text())
      .AddJson("codes", codes.Text())
      .AddRounded("client_cpu_us_per_request", MicrosPerRequest(result.client_cpu, result), 2);
  if (result.server_cpu) {
    object.AddRounded("server_cpu_us_per_request", MicrosPerRequest(*result.server_cpu, result), 2);
  }
  return object.Text() + "\n";
}

}  // namespace predictd::client
