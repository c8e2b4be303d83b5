// A model that keeps the workers busy all the time, beside one that takes microseconds.
#include "tests/catch.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

constexpr int kSlowCallers = 16;

Load::Options LoadOn(const std::string& model, int threads) {
  Load::Options options;
  options.threads = threads;
  options.request = [model](int64_t number, v1::PredictRequest& request) {
    request.set_user_id("u" + std::to_string(number));
    request.set_model(model);
    (*request.mutable_features())["f0"] = 1;
  };
  options.deadline = kPatience;
  return options;
}

struct Medians {
  absl::Duration fast;
  absl::Duration slow;
};

// Of both models under load at once, in one run.
Medians Measure(const ModelRepository& repository, const std::string& flag) {
  PredictdProcess server({"--models=" + repository.path(), "--workers=2", "--event_loops=2",
                          "--min_event_loops=2", "--max_batch=8", flag});
  REQUIRE(server.WaitUntilReady());
  Load slow_load(server.grpc_address(), LoadOn("slow", kSlowCallers));
  REQUIRE(slow_load.WaitFor(2 * kSlowCallers));
  Load fast_load(server.grpc_address(), LoadOn("fast", 2));
  REQUIRE(slow_load.WaitFor(10 * kSlowCallers));
  REQUIRE(fast_load.WaitFor(50));
  const Load::Result fast = fast_load.Stop();
  const Load::Result slow = slow_load.Stop();
  INFO("fast: " << fast.problem << ", slow: " << slow.problem);
  CHECK(fast.ok() > 0);
  CHECK(fast.failed() == 0);
  CHECK(slow.failed() == 0);
  return {fast.median, slow.median};
}

ModelRepository& WithBoth(ModelRepository& repository) {
  repository.Add("slow", 1, Busy(1, absl::Milliseconds(5)));
  repository.Add("fast", 1, Sum(1));
  return repository;
}

TEST_CASE("a saturated slow model does not keep a fast one waiting that shares its workers") {
  ModelRepository repository;
  // Both on the workers: the fast one waits at most for batches that already run.
  const Medians medians = Measure(WithBoth(repository), "--inline_budget=0");
  INFO("fast " << medians.fast << ", slow " << medians.slow);
  CHECK(medians.fast < medians.slow);
}

TEST_CASE("a saturated slow model does not keep a fast one waiting that runs on the loops") {
  ModelRepository repository;
  const Medians medians = Measure(WithBoth(repository), "--inline_budget=200us");
  INFO("fast " << medians.fast << ", slow " << medians.slow);
  CHECK(medians.fast < medians.slow / 2);
}

TEST_CASE("a slow model that may use one worker leaves the other one to a fast model") {
  ModelRepository repository;
  repository.Write("slow/config.json", R"({"workers": 1})");
  const Medians medians = Measure(WithBoth(repository), "--inline_budget=0");
  INFO("fast " << medians.fast << ", slow " << medians.slow);
  CHECK(medians.fast < medians.slow / 2);
}

}  // namespace
}  // namespace predictd::integration
