// All users at once, with nothing in any cache.
#include "tests/catch.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

TEST_CASE("A cold start reads each user's row once, however many callers want it") {
  constexpr int kManyUsers = 3000;
  constexpr int kCallers = 16;
  ModelRepository models;
  models.Add("m", 1, Identity(kFeatures));
  const FeatureTable users(kManyUsers, kFeatures);
  PredictdProcess predictd({"--models=" + models.path(), "--feature_source=" + users.source(),
                            "--event_loops=2", "--min_event_loops=2", "--local_cache_ttl=1h"});
  REQUIRE(predictd.WaitUntilReady());
  Load::Options options;
  options.threads = kCallers;
  // The same user to all callers at about the same moment.
  options.request = [](int64_t number, v1::PredictRequest& request) {
    request.set_user_id("u" + std::to_string(number / kCallers % kManyUsers));
  };
  options.check = OwnRow;
  Load load(predictd.grpc_address(), options);
  REQUIRE(WaitUntil([&] { return load.done() >= kManyUsers * kCallers; }));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.Metric("predictd_source_reads_total") <= 1.01 * kManyUsers);
  CHECK(predictd.Metric("predictd_source_reads_total") >= kManyUsers);
}

}  // namespace
}  // namespace predictd::integration
