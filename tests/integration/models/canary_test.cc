// A canary's share of the users, and how it is taken back.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/models/factor_load.h"

namespace predictd::integration {
namespace {

constexpr int kUsers = 2000;
constexpr char kReturns[] = R"(predictd_canary_returns_total{model="m"})";

std::string Canary(double percent) {
  return absl::StrCat(R"({"canary": {"version": 2, "percent": )", percent, "}}");
}

// Waits until ListModels says so of both: from then on requests are spread like this.
bool WaitForShare(PredictdProcess& server, double percent) {
  return WaitUntil([&] {
    return server.ModelVersion("m", 2).traffic_percent() == percent &&
           server.ModelVersion("m", 1).traffic_percent() == 100 - percent;
  });
}

// The users whom the canary answers.
std::set<int> CanaryUsers(PredictdProcess& server) {
  std::set<int> users;
  for (int user = 0; user < kUsers; ++user) {
    const auto answer = server.Predict(absl::StrCat("u", user), {{"f0", 1}});
    INFO(answer.message());
    REQUIRE(answer.ok());
    CHECK(std::to_string(static_cast<int>(answer.response.outputs(0))) ==
          answer.response.version());
    if (answer.response.version() == "2") users.insert(user);
  }
  return users;
}

TEST_CASE("a canary gets its share of the users, the same ones after a restart and a raise") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  repository.Add("m", 2, FactorModel(2));
  repository.Write("m/config.json", Canary(20));
  const std::vector<std::string> flags = {"--models=" + repository.path()};
  std::set<int> before;
  {
    PredictdProcess server(flags);
    REQUIRE(WaitForShare(server, 20));
    before = CanaryUsers(server);
    CHECK(server.ModelVersion("m", 1).traffic_percent() == 80);
  }
  // Six standard deviations of an even spread.
  CHECK(before.size() > kUsers * 0.145);
  CHECK(before.size() < kUsers * 0.255);
  PredictdProcess server(flags);
  REQUIRE(WaitForShare(server, 20));
  CHECK(CanaryUsers(server) == before);

  repository.Write("m/config.json", Canary(50));
  REQUIRE(WaitForShare(server, 50));
  const std::set<int> more = CanaryUsers(server);
  CHECK(more.size() > kUsers * 0.43);
  CHECK(more.size() < kUsers * 0.57);
  CHECK(std::includes(more.begin(), more.end(), before.begin(), before.end()));

  repository.Write("m/config.json", Canary(0));
  REQUIRE(WaitForShare(server, 0));
  CHECK(CanaryUsers(server).empty());
}

TEST_CASE("a canary whose rows fail is taken back, says why, and comes again with new files") {
  ModelRepository repository;
  repository.Add("m", 1, FactorModel(1));
  repository.Add("m", 2, ThrowsBelowZero(1));
  repository.Write("m/config.json", Canary(50));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(WaitForShare(server, 50));
  CHECK(server.Metric(kReturns) == 0);

  Load::Options options = FactorLoad();
  options.request = [](int64_t number, v1::PredictRequest& request) {
    request.set_user_id(absl::StrCat("u", number));
    (*request.mutable_features())["f0"] = -1;
  };
  {
    Load load(server.grpc_address(), options);
    CHECK(server.WaitForMetric(kReturns, 1));
    const Load::Result result = load.Stop();
    // Until then each failure is the model's own, and those of the old version were all answered.
    CHECK(result.failed() == result.Count(grpc::INTERNAL));
    CHECK(result.Count(grpc::INTERNAL) > 0);
    CHECK(result.ok() > 0);
    CHECK(result.wrong == 0);
  }
  Load load(server.grpc_address(), options);
  REQUIRE(load.WaitFor(1000));
  const Load::Result result = load.Stop();
  INFO(result.problem);
  CHECK(result.failed() == 0);
  CHECK(result.wrong == 0);

  const v1::ModelVersion returned = server.ModelVersion("m", 2);
  INFO(returned.reason());
  CHECK(returned.state() == v1::MODEL_STATE_READY);
  CHECK(returned.traffic_percent() == 0);
  CHECK(returned.reason().find("taken back as canary") != std::string::npos);
  CHECK(returned.reason().find("rows failed INTERNAL") != std::string::npos);
  CHECK(server.Log().find("canary is taken back") != std::string::npos);
  CHECK(server.ModelVersion("m", 1).traffic_percent() == 100);
  CHECK(server.Metric(kReturns) == 1);

  repository.Add("m", 2, FactorModel(2));
  REQUIRE(WaitForShare(server, 50));
  CHECK(server.ModelVersion("m", 2).reason() == "");
  CHECK_FALSE(CanaryUsers(server).empty());
}

}  // namespace
}  // namespace predictd::integration
