// A thousand versions, one after the other, a tenth of them broken.
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/harness/sanitized.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

constexpr int kReloads = 1000;
// What the process takes for its first versions (libtorch's own caches, the allocator's) stays.
constexpr int kSettling = 100;
constexpr double kMostGrowth = 20 * 1048576.0;

bool Broken(int version) { return version % 10 == 0; }

// Each of these runs, and would be noticed by its version's number.
void AddBroken(ModelRepository& repository, int version) {
  ModelSpec spec = FactorModel(version);
  switch (version / 10 % 3) {
    case 0:
      repository.AddCut("m", version, spec, 700);
      break;
    case 1:
      repository.Add("m", version, spec.Golden({2}, {-1}));
      break;
    default:
      spec.signature_missing = true;
      repository.Add("m", version, spec);
  }
}

TEST_CASE("a thousand reloads under load fail no request, serve nothing broken and leak nothing") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  PredictdProcess server({"--models=" + repository.path(), "--model_poll=1h", "--max_batch=8",
                          "--event_loops=2", "--min_event_loops=2", "--workers=2"});
  REQUIRE(server.WaitUntilReady());
  Load::Options options = FactorLoad();
  // The loading thread has the lowest priority: there is to be something left for it.
  options.pause = absl::Milliseconds(1);
  options.check = [own = options.check](const v1::PredictRequest& request,
                                        const v1::PredictResponse& response) {
    return Broken(std::stoi(response.version()))
               ? "answered by a broken version: " + response.ShortDebugString()
               : own(request, response);
  };
  Load load(server.grpc_address(), options);

  double settled = 0;
  int good = 1;
  for (int version = 2; version <= kReloads + 1; ++version) {
    if (Broken(version)) {
      AddBroken(repository, version);
      const auto refused = server.LoadModel("m", std::to_string(version));
      INFO("version " << version << ": " << refused.message());
      REQUIRE(refused.code() == grpc::FAILED_PRECONDITION);
      REQUIRE(ServedVersion(server) == std::to_string(good));
      repository.Remove("m", version);
      continue;
    }
    repository.Add("m", version, FactorModel(version));
    // Half of them are only seen to have come.
    if (version % 2 == 0) REQUIRE(server.LoadModel("m").ok());
    REQUIRE(server.WaitForState("m", version, v1::MODEL_STATE_READY));
    REQUIRE(ServedVersion(server) == std::to_string(version));
    // In use a moment ago, and perhaps still.
    repository.Remove("m", good);
    good = version;
    if (version > kSettling && settled == 0) settled = server.RssBytes();
  }
  REQUIRE(load.WaitFor(100));
  const Load::Result result = load.Stop();
  INFO(result.problem);
  CHECK(result.failed() == 0);
  CHECK(result.wrong == 0);
  CHECK(server.Metric(R"(predictd_model_loads_total{model="m",result="ok"})") ==
        1 + kReloads - kReloads / 10);
  CHECK(server.Metric(R"(predictd_model_loads_total{model="m",result="failed"})") == kReloads / 10);
  // The others are gone, from the list and from memory.
  CHECK(WaitUntil([&] { return server.ListModels().response.models_size() == 1; }));
  INFO("MB resident: " << settled / 1048576 << ", at the end " << server.RssBytes() / 1048576);
  CHECK((kSanitized ||
         WaitUntil([&] { return server.RssBytes() <= settled + kMostGrowth; }, absl::Seconds(10))));
}

}  // namespace
}  // namespace predictd::integration
