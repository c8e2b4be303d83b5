#include "server/repository/warm_up.h"

#include <atomic>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "server/batching/worker_pool.h"
#include "tests/catch.h"
#include "tests/integration/harness/sanitized.h"
#include "tests/unit/repository/rig.h"

namespace predictd::repository {
namespace {

TEST_CASE("every size runs several times, then once on every worker, and stopping ends it") {
  const SystemClock clock;
  Metrics metrics;
  batching::WorkerPool pool(2, clock, metrics, [] {});
  WarmUp warm_up(pool, {}, absl::ZeroDuration());
  std::atomic<int> alive{0};
  std::atomic<int> runs[5] = {};

  auto version = std::make_shared<Version>();
  version->runnable = std::make_unique<AddModel>(1.0F, alive);
  version->defaults = {1};
  ModelMetrics& numbers = metrics.ForModel("m");
  version->lane = std::make_unique<batching::Lane>(
      batching::LaneOptions{.model = "m",
                            .version = "1",
                            .inputs = version->runnable->inputs(),
                            .outputs = version->runnable->outputs(),
                            .max_batch = 4},
      [&](int rows, const char* const*, char* const*) {
        ++runs[rows];
        return absl::OkStatus();
      },
      std::make_shared<batching::QueueLimit>(10, numbers.queue_rows), numbers);
  const std::atomic<bool> stopping{false};
  CHECK(warm_up.Run(version, stopping).ok());
  for (const int rows : {1, 2, 4}) {
    CHECK(runs[rows] == 3 + 2);
    CHECK(version->lane->RunTime(rows) < absl::InfiniteDuration());
  }
  const std::atomic<bool> stopped{true};
  CHECK(warm_up.Run(version, stopped).ok());
  CHECK(runs[1] == 5);
}

TEST_CASE("a batch for which there is no memory fails the version and not the process") {
  if (integration::kSanitized) return;  // that one ends the process itself
  const SystemClock clock;
  Metrics metrics;
  batching::WorkerPool pool(1, clock, metrics, [] {});
  WarmUp warm_up(pool, {}, absl::ZeroDuration());
  std::atomic<int> alive{0};
  auto version = std::make_shared<Version>();
  version->runnable = std::make_unique<AddModel>(1.0F, alive);
  ModelMetrics& numbers = metrics.ForModel("m");
  // More than any address space.
  const TensorLayout vast{.name = "x", .shape = {-1, 1LL << 48}, .elements_per_row = 1LL << 48};
  version->lane = std::make_unique<batching::Lane>(
      batching::LaneOptions{
          .model = "m", .version = "1", .inputs = {vast}, .outputs = {}, .max_batch = 1},
      [](int, const char* const*, char* const*) { return absl::OkStatus(); },
      std::make_shared<batching::QueueLimit>(10, numbers.queue_rows), numbers);
  const absl::Status failed = warm_up.Run(version, std::atomic<bool>{false});
  CHECK(absl::IsFailedPrecondition(failed));
  CHECK(absl::StrContains(failed.message(), "there is no memory for a batch of 1 rows"));
}

}  // namespace
}  // namespace predictd::repository
