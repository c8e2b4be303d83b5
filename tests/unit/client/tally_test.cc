#include "client/load/tally.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

constexpr Answer kGood{.code = grpc::StatusCode::OK, .rows = 1};
constexpr Answer kRefused{.code = grpc::StatusCode::RESOURCE_EXHAUSTED};

TEST_CASE("latency belongs to the requests that started in the measured time") {
  Tally tally({.start = 0, .measure_from = 100, .end = 200});
  tally.Add(50, 150, kGood);  // warm-up
  tally.Add(100, 130, kGood);
  tally.Add(199, 1000, kGood);  // answered after the end
  tally.Add(200, 210, kGood);
  CHECK(tally.requests() == 2);
  CHECK(tally.good().max() == absl::Nanoseconds(801));
}

TEST_CASE("throughput belongs to the requests answered OK in the measured time") {
  Tally tally({.start = 0, .measure_from = 100, .end = 200});
  tally.Add(50, 99, kGood);
  tally.Add(50, 150, kGood);
  tally.Add(100, 130, {.code = grpc::StatusCode::OK, .rows = 7, .failed_rows = 2});
  tally.Add(110, 120, kRefused);
  tally.Add(199, 1000, kGood);
  CHECK(tally.good_in_time() == 2);
  CHECK(tally.rows_in_time() == 8);
  CHECK(tally.failed_rows() == 2);
}

TEST_CASE("what leaves after its deadline or outside the measured time was not offered in it") {
  Tally tally({.start = 0, .measure_from = 100, .end = 200});
  tally.AddSent(99, 150);
  tally.AddSent(100, 150);
  tally.AddSent(199, 250);
  tally.AddSent(150, 150);
  tally.AddSent(200, 250);
  Tally other = tally;
  tally.Merge(other);
  CHECK(tally.sent_in_time() == 4);
}

TEST_CASE("failures have latencies of their own and are counted by code") {
  Tally tally({.start = 0, .measure_from = 0, .end = 100});
  tally.Add(0, 80, kGood);
  tally.Add(0, 5, kRefused);
  tally.Add(0, 6, kRefused);
  Tally other({.start = 0, .measure_from = 0, .end = 100});
  other.Add(1, 10, {.code = 99});
  tally.Merge(other);
  CHECK(tally.good().count() == 1);
  CHECK(tally.failed().count() == 3);
  CHECK(tally.requests_with(grpc::StatusCode::RESOURCE_EXHAUSTED) == 2);
  CHECK(tally.requests() == 4);
  CHECK(tally.last_answer() == 10);
  const auto& by_code = tally.failed_by_code();
  CHECK(by_code.size() == 2);
  CHECK(by_code.at(grpc::StatusCode::RESOURCE_EXHAUSTED).max() == absl::Nanoseconds(6));
  CHECK(by_code.at(Tally::kCodes - 1).max() == absl::Nanoseconds(9));
}

}  // namespace
}  // namespace predictd::client
