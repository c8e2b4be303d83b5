#include "server/rpc/readiness.h"

#include <map>
#include <memory>
#include <string>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

namespace predictd::rpc {
namespace {

struct Fixture {
  explicit Fixture(const std::string& default_model)
      : catalog(default_model), readiness(catalog, default_model, metrics) {}

  // Models and whether they have a READY version.
  void Publish(const std::map<std::string, bool>& models) {
    auto snapshot = std::make_shared<repository::Snapshot>();
    snapshot->models["a folder without versions"];
    for (const auto& [name, ready] : models) {
      repository::VersionInfo& version = snapshot->models[name].versions.emplace_back();
      version.state = ready ? repository::State::kReady : repository::State::kFailed;
      if (ready) version.handle = std::make_shared<repository::Version>();
    }
    catalog.Publish(std::move(snapshot));
    readiness.Changed();
  }

  Metrics metrics;
  repository::Catalog catalog;
  Readiness readiness;
};

TEST_CASE("without a default model the first one that has no READY version is named") {
  Fixture f("");
  CHECK(f.readiness.WhyNot() == "there is no model");
  f.Publish({{"churn", true}, {"ranker", false}});
  CHECK(f.readiness.WhyNot() == "model 'ranker' has no READY version");
  CHECK(f.metrics.ready.Value() == 0);
  f.Publish({{"churn", true}, {"ranker", true}});
  CHECK(f.readiness.WhyNot().empty());
  CHECK(f.metrics.ready.Value() == 1);
}

TEST_CASE("with a default model only that one counts") {
  Fixture f("churn");
  f.Publish({{"ranker", true}});
  CHECK(f.readiness.WhyNot() == "model 'churn' has no READY version");
  f.Publish({{"churn", true}, {"ranker", false}});
  CHECK(f.readiness.WhyNot().empty());
}

TEST_CASE("each turn is one line of the log, and the drain is the last") {
  Fixture f("");
  std::string log;
  {
    const CapturedLog captured;
    for (const bool ready : {false, true, true, false, false, true}) f.Publish({{"m", ready}});
    f.readiness.Drain();
    f.Publish({{"m", true}});
    log = captured.text();
  }
  for (const char* line : {" info ready\n", " warning not ready reason=\"model 'm' has no",
                           " info ready\n", " info not ready reason=draining\n"}) {
    const size_t at = log.find(line);
    INFO(log << "\n" << line);
    REQUIRE(at != std::string::npos);
    log = log.substr(at + 1);
  }
  CHECK(log.find(" info ready") == std::string::npos);
  CHECK(f.metrics.ready.Value() == 0);
  CHECK(f.readiness.WhyNot() == "draining");
}

}  // namespace
}  // namespace predictd::rpc
