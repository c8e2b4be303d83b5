// Far more calls than the model can take.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/catch.h"
#include "tests/integration/faults/burst.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kQueued[] = R"(predictd_queue_rows{model="m"})";
constexpr int kMaxQueue = 40;
constexpr int kMaxBatch = 4;

// The caller is told when to come back.
bool HasRetryInfo(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::RetryInfo retry;
  return details.ParseFromString(status.error_details()) && details.details_size() == 1 &&
         details.details(0).UnpackTo(&retry) &&
         retry.retry_delay().seconds() * 1e9 + retry.retry_delay().nanos() > 0;
}

TEST_CASE("Ten times the load: what fits is answered, the rest refused at once with RetryInfo") {
  Rig rig;
  // One worker with 5 ms a row: 200 rows a second.
  rig.models.Add("m", 1, Busy(kFeatures, absl::Milliseconds(5)));
  PredictdProcess predictd(rig.Flags({"--workers=1", "--max_queue=" + std::to_string(kMaxQueue),
                                      "--max_batch=" + std::to_string(kMaxBatch)}));
  REQUIRE(predictd.WaitUntilReady());
  const double memory = predictd.RssBytes();

  std::atomic<bool> over{false};
  std::atomic<int> longest_queue{0};
  std::thread watcher([&] {
    while (!over) {
      longest_queue = std::max<int>(longest_queue, static_cast<int>(predictd.Metric(kQueued)));
      absl::SleepFor(absl::Milliseconds(20));
    }
  });
  const auto stub = NewStub(predictd.grpc_address());
  BurstOptions options;
  options.calls = 6000;
  options.per_second = 2000;
  options.request = [](int number, v1::PredictRequest& request) { AskForUser(number, request); };
  const std::vector<BurstCall> calls = RunBurst(*stub, options);
  over = true;
  watcher.join();

  int ok = 0;
  int refused = 0;
  std::vector<absl::Duration> refusals;
  for (const BurstCall& call : calls) {
    if (call.status.ok()) {
      ++ok;
      CHECK(call.took < kBound);
      continue;
    }
    INFO(call.status.error_message());
    REQUIRE(call.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
    REQUIRE(HasRetryInfo(call.status));
    REQUIRE(call.status.error_message().find(std::to_string(kMaxQueue)) != std::string::npos);
    ++refused;
    refusals.push_back(call.took);
  }
  // 600 in three seconds at best. Even on a machine with other things to do they are more than what
  // waits at one time.
  CHECK(ok >= 2 * kMaxQueue);
  CHECK(refused > ok);
  // A refusal does not wait in the queue, which takes 200 ms. Only some show that on a machine that
  // has other things to do.
  std::sort(refusals.begin(), refusals.end());
  CHECK(refusals[refusals.size() / 10] < absl::Milliseconds(150));
  CHECK(longest_queue <= kMaxQueue);
  CHECK(longest_queue > 0);
  CHECK(predictd.Metric(R"(predictd_rows_dropped_total{reason="queue_full"})") == refused);
  CHECK(predictd.RssBytes() < memory + 200e6);

  // Back to normal.
  CHECK(WaitUntil([&] { return predictd.Metric(kQueued) == 0; }));
  Load::Options few;
  few.threads = 2;
  few.request = AskForUser;
  Load load(predictd.grpc_address(), few);
  REQUIRE(load.WaitFor(40));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
