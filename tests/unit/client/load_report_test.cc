#include "client/load/load_report.h"

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("JSON has the latency of each code that failed") {
  LoadResult result{Tally({.start = 0, .measure_from = 0, .end = 1'000'000'000}),
                    absl::Seconds(1),
                    absl::Milliseconds(1),
                    {}};
  result.tally.Add(0, 300'000, {.code = grpc::StatusCode::OK, .rows = 1});
  result.tally.Add(0, 20'000, {.code = grpc::StatusCode::RESOURCE_EXHAUSTED});
  result.tally.Add(0, 200'000'000, {.code = grpc::StatusCode::DEADLINE_EXCEEDED});
  const std::string json = LoadReportJson({}, result, "here");
  CHECK(
      absl::StrContains(json, R"("failed_latency_us_by_code":{"DEADLINE_EXCEEDED":{"mean":20000)"));
  CHECK(absl::StrContains(json, R"("RESOURCE_EXHAUSTED":{"mean":20)"));
  CHECK(absl::StrContains(json, R"("OK":1,"DEADLINE_EXCEEDED":1,"RESOURCE_EXHAUSTED":1)"));
}

}  // namespace
}  // namespace predictd::client
