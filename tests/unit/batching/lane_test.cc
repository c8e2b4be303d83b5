#include "server/batching/lane.h"

#include "server/batching/padded_size.h"
#include "tests/catch.h"
#include "tests/unit/batching/rig.h"

namespace predictd::batching {
namespace {

constexpr int kMaxBatch = 64;

std::unique_ptr<Lane> Measured(Metrics& metrics, absl::Duration per_run, absl::Duration per_row) {
  auto lane = MakeLane(metrics, Double, kMaxBatch);
  for (const int rows : PaddedSizes(kMaxBatch)) {
    lane->RecordRunTime(rows, per_run + rows * per_row);
  }
  return lane;
}

TEST_CASE("a run is cut to what 20 ms hold where a row costs the same in any batch") {
  Metrics metrics;
  CHECK(Measured(metrics, absl::ZeroDuration(), absl::Milliseconds(5))->RowsPerRun() == 4);
  CHECK(Measured(metrics, absl::ZeroDuration(), absl::Milliseconds(100))->RowsPerRun() == 1);
  CHECK(Measured(metrics, absl::ZeroDuration(), absl::Microseconds(1))->RowsPerRun() == kMaxBatch);
}

TEST_CASE("a run is cut to what 100 ms hold where batches are what makes the model fast") {
  Metrics metrics;
  CHECK(Measured(metrics, absl::Milliseconds(50), absl::Milliseconds(1.5))->RowsPerRun() == 32);
}

TEST_CASE("a run is not cut where batches are what makes the model fast, or nothing is known") {
  Metrics metrics;
  CHECK(Measured(metrics, absl::Milliseconds(15), absl::Milliseconds(1))->RowsPerRun() ==
        kMaxBatch);
  CHECK(MakeLane(metrics, Double, kMaxBatch)->RowsPerRun() == kMaxBatch);
}

TEST_CASE("what larger batches gain is told from runs of one time, not from those under load") {
  Metrics metrics;
  const auto lane = Measured(metrics, absl::ZeroDuration(), absl::Milliseconds(5));
  // The sizes that it runs take nearly twice as long beside others.
  for (int run = 0; run < 100; ++run) {
    for (const int rows : {2, 4}) lane->RecordRunTime(rows, rows * absl::Milliseconds(9.5));
  }
  CHECK(lane->RowsPerRun() == 2);
}

TEST_CASE("a run time falls quickly and rises slowly") {
  Metrics metrics;
  const auto lane = MakeLane(metrics, Double, kMaxBatch);
  lane->RecordRunTime(8, absl::Microseconds(100));
  lane->RecordRunTime(8, absl::Microseconds(900));
  CHECK(lane->RunTime(8) == absl::Microseconds(200));
  lane->RecordRunTime(8, absl::Microseconds(100));
  CHECK(lane->RunTime(8) == absl::Microseconds(150));
}

TEST_CASE("a run that was long by the clock counts with its CPU time only") {
  Metrics metrics;
  const auto lane = MakeLane(metrics, Double, kMaxBatch);
  lane->RecordRunTime(8, absl::Microseconds(100));
  while (lane->RunTimeInDoubt()) {
    lane->RecordRun(8, absl::Milliseconds(10), absl::Microseconds(100));
  }
  CHECK(lane->RunTime(8) == absl::Microseconds(100));
  lane->RecordRun(8, absl::Microseconds(80), absl::InfiniteDuration());
  CHECK(lane->RunTime(8) == absl::Microseconds(90));
  CHECK_FALSE(lane->RunTimeInDoubt());
  lane->RecordRun(8, absl::Milliseconds(10), absl::InfiniteDuration());
  CHECK(lane->RunTime(8) == absl::Microseconds(90));
  CHECK(lane->RunTimeInDoubt());
}

TEST_CASE("a run on a worker that was slow by chance counts little for those to come") {
  Metrics metrics;
  const auto lane = MakeLane(metrics, Double, kMaxBatch);
  lane->RecordRunTime(4, absl::Milliseconds(8));
  CHECK(lane->WorkerTime(4) == absl::Milliseconds(8));
  lane->RecordWorkerTime(4, absl::Seconds(5));
  CHECK(lane->WorkerTime(4) == absl::Milliseconds(9));
}

TEST_CASE("workers that are slow beside others are known to be after a few runs, and fast again") {
  Metrics metrics;
  const auto lane = MakeLane(metrics, Double, kMaxBatch);
  lane->RecordRunTime(4, absl::Milliseconds(8));
  for (int run = 0; run < 50; ++run) lane->RecordWorkerTime(4, absl::Milliseconds(40));
  CHECK(lane->WorkerTime(4) > absl::Milliseconds(38));
  for (int run = 0; run < 50; ++run) lane->RecordWorkerTime(4, absl::Milliseconds(8));
  CHECK(lane->WorkerTime(4) < absl::Milliseconds(9));
}

TEST_CASE("what single rows take says nothing about batches that take as long") {
  Metrics metrics;
  const auto lane = Measured(metrics, absl::Milliseconds(18), absl::Microseconds(10));
  for (int run = 0; run < 100; ++run) lane->RecordWorkerTime(1, absl::Milliseconds(18));
  CHECK(lane->WorkerTime(kMaxBatch) < absl::Milliseconds(20));
}

TEST_CASE("requests of any shapes take what those before took") {
  Metrics metrics;
  const std::unique_ptr<Lane> lane = MakeLane(metrics, Double);
  LaneOptions options = lane->options();
  options.whole_requests = true;
  Lane whole(options, lane->function(), std::make_shared<QueueLimit>(8, lane->metrics().queue_rows),
             lane->metrics());
  CHECK(whole.ExpectedTime(3, 1) == absl::ZeroDuration());
  whole.RecordWorkerTime(1, absl::Milliseconds(10));
  CHECK(whole.ExpectedTime(3, 1) == absl::Milliseconds(40));
}

TEST_CASE("a row takes as long as the workers take for those ahead of it and for its own run") {
  Metrics metrics;
  CHECK(MakeLane(metrics, Double, kMaxBatch)->ExpectedTime(100, 2) == absl::ZeroDuration());
  const auto lane = Measured(metrics, absl::ZeroDuration(), absl::Microseconds(250));
  REQUIRE(lane->RowsPerRun() == kMaxBatch);
  CHECK(lane->ExpectedTime(128, 2) == absl::Milliseconds(32));
  // The next worker takes them all.
  CHECK(lane->ExpectedTime(kMaxBatch - 1, 2) == absl::ZeroDuration());
}

TEST_CASE("callers without the time do not make a heavy model light") {
  Metrics metrics;
  const auto lane = MakeLane(metrics, Double, kMaxBatch);
  lane->RecordRunTime(1, absl::Milliseconds(900));
  for (int refused = 0; refused < 10000; ++refused) lane->DoubtTimes(1);
  CHECK(lane->RunTime(1) > absl::Milliseconds(400));
  CHECK(lane->RunTime(1) < absl::Milliseconds(460));
}

TEST_CASE("a failure of the model is told once a minute") {
  Metrics metrics;
  const auto lane = MakeLane(metrics, Double, kMaxBatch);
  const absl::Time start = absl::FromUnixSeconds(1000);
  CHECK(lane->TellsFailure(start));
  CHECK_FALSE(lane->TellsFailure(start + absl::Seconds(59)));
  CHECK(lane->TellsFailure(start + absl::Seconds(60)));
  CHECK_FALSE(lane->TellsFailure(start + absl::Seconds(61)));
}

}  // namespace
}  // namespace predictd::batching
