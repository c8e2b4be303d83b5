// Thousands of calls at once, through every cache: no user ever gets another's answer.
#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/burst.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

constexpr int kUsers = 3000;
constexpr int kFeatures = 3;
constexpr int kConnections = 4;
constexpr int kCallsPerConnection = 2500;

// What of a call is known from its number alone.
struct Expected {
  int user;
  bool overrides;  // f1 comes with the request
  bool reversed;   // of the two models
};

Expected Expect(int connection, int number) {
  // Neighbours differ in user, and users come again on other connections at the same time.
  const int user = (number * 17 + connection * 5) % kUsers;
  return {user, number % 3 == 0, number % 5 == 0};
}

float OverrideOf(int connection, int number) {
  return -static_cast<float>(number * kConnections + connection) - 1;
}

void FillRequest(int connection, int number, v1::PredictRequest& request) {
  const Expected expected = Expect(connection, number);
  request.set_user_id(absl::StrCat("u", expected.user));
  request.set_model(expected.reversed ? "reversed" : "straight");
  request.set_request_id(absl::StrCat(connection, "-", number));
  if (expected.overrides) (*request.mutable_features())["f1"] = OverrideOf(connection, number);
}

bool Right(int connection, int number, const BurstCall& call) {
  const Expected expected = Expect(connection, number);
  if (!call.status.ok() || call.response.outputs_size() != kFeatures ||
      call.response.request_id() != absl::StrCat(connection, "-", number) ||
      call.response.model() != (expected.reversed ? "reversed" : "straight")) {
    return false;
  }
  for (int feature = 0; feature < kFeatures; ++feature) {
    const float value = feature == 1 && expected.overrides
                            ? OverrideOf(connection, number)
                            : static_cast<float>(FeatureTable::Distinct(expected.user, feature));
    const int position = expected.reversed ? kFeatures - 1 - feature : feature;
    if (call.response.outputs(position) != value) return false;
  }
  return true;
}

ModelSpec Reversed(int features) {
  ModelSpec spec = Identity(features);
  spec.source = "def forward(self, x):\n    return x.flip(1)\n";
  return spec;
}

// Every connection sends all its calls at once; returns how many answers were not right.
int WrongAnswers(const PredictdProcess& server, std::string& first) {
  std::vector<int> wrong(kConnections, 0);
  std::vector<std::string> problems(kConnections);
  std::vector<std::thread> threads;
  for (int connection = 0; connection < kConnections; ++connection) {
    threads.emplace_back([&, connection] {
      const auto stub = v1::Predictor::NewStub(server.NewChannel());
      BurstOptions options;
      options.calls = kCallsPerConnection;
      options.deadline = kPatience;
      options.request = [connection](int number, v1::PredictRequest& request) {
        FillRequest(connection, number, request);
      };
      const std::vector<BurstCall> calls = RunBurst(*stub, options);
      for (int number = 0; number < kCallsPerConnection; ++number) {
        const BurstCall& call = calls[number];
        if (Right(connection, number, call)) continue;
        ++wrong[connection];
        problems[connection] =
            absl::StrCat(call.status.error_message(), " ", call.response.ShortDebugString());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& problem : problems) {
    if (!problem.empty()) first = problem;
  }
  int sum = 0;
  for (const int count : wrong) sum += count;
  return sum;
}

void CheckRound(const PredictdProcess& server) {
  std::string first;
  const int wrong = WrongAnswers(server, first);
  INFO(first);
  CHECK(wrong == 0);
}

void CheckRouting(int loops, const std::vector<std::string>& flags = {}) {
  ModelRepository repository;
  repository.Add("straight", 1, Identity(kFeatures));
  repository.Add("reversed", 1, Reversed(kFeatures));
  const FeatureTable table(kUsers, kFeatures);
  RedisServer redis;
  // Rows go out of the in-process cache all the time, so that every store is asked.
  std::vector<std::string> all = {"--models=" + repository.path(),
                                  "--feature_source=" + table.source(),
                                  "--feature_cache=" + redis.unix_url(),
                                  "--local_cache_ttl=100ms",
                                  "--feature_cache_timeout=10s",
                                  "--feature_source_timeout=30s",
                                  "--max_queue=100000",
                                  absl::StrCat("--event_loops=", loops),
                                  absl::StrCat("--min_event_loops=", loops)};
  all.insert(all.end(), flags.begin(), flags.end());
  PredictdProcess server(all);
  REQUIRE(server.WaitUntilReady());
  for (int round = 0; round < 2; ++round) CheckRound(server);
  for (const char* origin : {"local_cache", "redis", "source"}) {
    INFO(origin);
    CHECK(server.Metric(absl::StrCat("predictd_feature_rows_total{origin=\"", origin, "\"}")) > 0);
  }
  CHECK(server.Metric("predictd_in_flight_requests") == 0);
}

TEST_CASE("one event loop gives every caller his own answer") { CheckRouting(1); }

TEST_CASE("three event loops give every caller his own answer") { CheckRouting(3); }

TEST_CASE("loops that rest until there is work for them give every caller his own answer") {
  CheckRouting(3, {"--min_event_loops=1"});
}

TEST_CASE("workers give every caller his own answer on one event loop") {
  CheckRouting(1, {"--inline_budget=0"});
}

TEST_CASE("workers give every caller his own answer on three event loops") {
  CheckRouting(3, {"--inline_budget=0", "--workers=3"});
}

TEST_CASE("batches that wait to fill give every caller his own answer") {
  CheckRouting(2, {"--batch_delay=2ms", "--max_batch=32"});
}

}  // namespace
}  // namespace predictd::integration
