// Callers whose time is shorter than the queue, and callers who go away.
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/fakes/temp_folder.h"
#include "tests/integration/faults/burst.h"
#include "tests/integration/faults/rig.h"
#include "tests/integration/faults/slow_model.h"

namespace predictd::integration {
namespace {

constexpr char kRows[] = R"(predictd_batch_rows_sum{model="m"})";
constexpr char kExpired[] = R"(predictd_rows_dropped_total{reason="deadline"})";
constexpr char kCancelled[] = R"(predictd_rows_dropped_total{reason="cancelled"})";
constexpr char kQueued[] = R"(predictd_queue_rows{model="m"})";
constexpr char kInFlight[] = "predictd_in_flight_requests";

BurstOptions QuickRows(int calls, absl::Duration deadline) {
  BurstOptions options;
  options.calls = calls;
  options.request = [](int, v1::PredictRequest& request) {
    request = SlowModel::Request(absl::ZeroDuration());
  };
  options.deadline = deadline;
  return options;
}

int CountCode(const std::vector<BurstCall>& calls, grpc::StatusCode code) {
  int count = 0;
  for (const BurstCall& call : calls) count += call.status.error_code() == code;
  return count;
}

TEST_CASE("The model is not run for rows whose deadline passes in the queue") {
  const SlowModel slow;
  PredictdProcess predictd(slow.Flags({"--log_level=debug"}));
  REQUIRE(predictd.WaitUntilReady());
  const auto stub = NewStub(predictd.grpc_address());
  REQUIRE(CountCode(RunBurst(*stub, QuickRows(1, kPatience)), grpc::StatusCode::OK) == 1);
  const double rows = predictd.Metric(kRows);

  BusyWorker worker(predictd, absl::Seconds(8));
  // Most of these are over before the server has seen them.
  const auto hasty = RunBurst(*stub, QuickRows(100, absl::Milliseconds(1)));
  CHECK(CountCode(hasty, grpc::StatusCode::DEADLINE_EXCEEDED) == 100);
  // These have all come.
  const auto patient = RunBurst(*stub, QuickRows(50, absl::Seconds(3)));
  CHECK(CountCode(patient, grpc::StatusCode::DEADLINE_EXCEEDED) == 50);
  CHECK(worker.Wait().ok());

  CHECK(predictd.WaitForMetric(kExpired, 50));
  CHECK(WaitUntil([&] { return predictd.Metric(kQueued) == 0; }));
  CHECK(predictd.Metric(kExpired) <= 150);
  CHECK(predictd.Metric("predictd_deadlines_passed_total{stage=\"queue\"}") >= 50);
  CHECK(LogLines(predictd, "row dropped model=m stage=queue reason=deadline") >= 1);
  CHECK(predictd.Metric(kRows) == rows + 1);
  CheckSteady(predictd, SlowModel::Request(absl::ZeroDuration()));
}

TEST_CASE("The model is not run for rows whose callers have gone") {
  const SlowModel slow;
  PredictdProcess predictd(slow.Flags());
  REQUIRE(predictd.WaitUntilReady());
  const auto stub = NewStub(predictd.grpc_address());
  REQUIRE(CountCode(RunBurst(*stub, QuickRows(1, kPatience)), grpc::StatusCode::OK) == 1);
  const double rows = predictd.Metric(kRows);

  BusyWorker worker(predictd, absl::Seconds(8));
  BurstOptions options = QuickRows(50, kPatience);
  options.cancel_after = [](int) { return absl::Seconds(3); };
  const auto calls = RunBurst(*stub, options);
  CHECK(CountCode(calls, grpc::StatusCode::CANCELLED) == 50);
  CHECK(worker.Wait().ok());
  CHECK(predictd.WaitForMetric(kCancelled, 50));
  CHECK(predictd.Metric(kRows) == rows + 1);
  CheckSteady(predictd, SlowModel::Request(absl::ZeroDuration()));
}

TEST_CASE("Calls that are cancelled at any stage leave nothing behind") {
  RedisServer redis;
  const TempFolder folder;
  // Every user's row keeps the worker busy for a millisecond.
  const FeatureTable users(kUsers, kFeatures,
                           [](int, int feature) { return feature == 0 ? 1 : 0; });
  SlowModel slow;
  PredictdProcess predictd(slow.Flags(
      {"--feature_source=" + users.source(), "--feature_source_timeout=10s",
       "--feature_cache=" + redis.unix_url(), "--local_cache_ttl=50ms",
       "--save_to=sqlite:" + folder.File("saved.db"), "--save=before_reply", "--max_batch=4"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  std::vector<std::thread> callers;
  std::atomic<int> ok{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> others{0};
  for (int caller = 0; caller < 2; ++caller) {
    callers.emplace_back([&, caller] {
      const auto stub = NewStub(predictd.grpc_address());
      std::mt19937 random(caller);
      BurstOptions options;
      options.calls = 1500;
      options.per_second = 1000;
      options.request = [](int number, v1::PredictRequest& request) {
        AskForUser(number, request);
        if (number % 5 == 0) request.mutable_max_feature_age();
      };
      options.cancel_after = [&random](int number) {
        if (number % 4 == 0) return absl::InfiniteDuration();
        return absl::Microseconds(
            static_cast<int64_t>(random() % (number % 2 == 0 ? 3000 : 200'000)));
      };
      for (const BurstCall& call : RunBurst(*stub, options)) {
        const grpc::StatusCode code = call.status.error_code();
        (code == grpc::StatusCode::OK          ? ok
         : code == grpc::StatusCode::CANCELLED ? cancelled
                                               : others)++;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(ok + cancelled == 3000);
  CHECK(others == 0);
  CHECK(ok >= 750);
  CHECK(cancelled > 0);
  CHECK(predictd.Metric(kCancelled) > 0);
  CHECK(WaitUntil([&] { return predictd.Metric(kInFlight) == 0; }));
  CHECK(WaitUntil([&] { return predictd.Metric(kQueued) == 0; }));
  CHECK(WaitUntil([&] { return predictd.Metric("predictd_save_queue_rows") == 0; }));
  CheckSteady(predictd);
}

TEST_CASE("Streams and batches that are cancelled under way leave nothing behind") {
  const FeatureTable users(kUsers, kFeatures,
                           [](int, int feature) { return feature == 0 ? 1 : 0; });
  SlowModel slow;
  PredictdProcess predictd(
      slow.Flags({"--feature_source=" + users.source(), "--feature_source_timeout=10s"}));
  REQUIRE(predictd.WaitUntilReady());
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext stream_context;
    SetDeadline(stream_context);
    const auto stream = predictd.Stub().PredictStream(&stream_context);
    for (int i = 0; i < 30; ++i) {
      v1::PredictRequest request;
      AskForUser(i, request);
      REQUIRE(stream->Write(request));
    }
    v1::PredictResponse response;
    for (int i = 0; i < round; ++i) REQUIRE(stream->Read(&response));
    stream_context.TryCancel();
    CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);

    grpc::ClientContext batch_context;
    batch_context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(3 * round)));
    v1::PredictBatchRequest batch;
    for (int i = 0; i < kUsers; ++i) batch.add_user_ids("u" + std::to_string(i));
    v1::PredictBatchResponse answers;
    const grpc::Status status = predictd.Stub().PredictBatch(&batch_context, batch, &answers);
    // Where it is known before the deadline which rows will be late, these fail alone.
    if (status.ok()) CHECK(answers.errors_size() > 0);
    CHECK((status.ok() || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED));
    for (const v1::RowError& error : answers.errors()) {
      CHECK(error.status().code() == grpc::StatusCode::DEADLINE_EXCEEDED);
    }
  }
  CHECK(predictd.Metric(kCancelled) > 0);
  CHECK(predictd.Metric(kExpired) > 0);
  CHECK(WaitUntil([&] { return predictd.Metric(kInFlight) == 0; }));
  CHECK(WaitUntil([&] { return predictd.Metric(kQueued) == 0; }));
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
