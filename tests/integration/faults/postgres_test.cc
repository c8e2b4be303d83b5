// PostgreSQL as the source and as the save store, on its bad days.
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/postgres_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kSaved[] = R"(predictd_saves_total{result="saved"})";

// The rig's users in PostgreSQL.
class PostgresUsers {
 public:
  PostgresUsers() {
    server.Do("CREATE TABLE user_features (user_id text PRIMARY KEY, f0 real, f1 real, f2 real)");
    server.Do(
        absl::StrCat("INSERT INTO user_features SELECT 'u' || n, 10 * n, 10 * n + 1, 10 * n + 2 "
                     "FROM generate_series(0, ",
                     kUsers - 1, ") AS n"));
  }

  PostgresServer server;
};

constexpr char kSessions[] =
    "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";

// Each loop connects again by itself: several calls in a row that are answered mean that all have.
bool AllLoopsAnswer(PredictdProcess& predictd) {
  for (int call = 0; call < 32; ++call) {
    if (!predictd.Predict(absl::StrCat("u", 100 + call)).ok()) return false;
  }
  return true;
}

TEST_CASE("A PostgreSQL that ends sessions again and again fails no request") {
  PostgresUsers users;
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_source=" + users.server.url()}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.Predict("u1").ok());
  Load load(predictd.grpc_address(), OwnRowLoad());
  for (int kill = 0; kill < 10; ++kill) {
    REQUIRE(load.WaitFor(100));
    // One session at a time, as an administrator or a pooler would: two for each loop and the one
    // that looks at the table are there again before the next.
    REQUIRE(WaitUntil(
        [&] { return users.server.Do(absl::StrCat("SELECT count(*) ", kSessions)) == "5"; }));
    users.server.Do(
        absl::StrCat("SELECT pg_terminate_backend(pid) ", kSessions, " ORDER BY random() LIMIT 1"));
  }
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("While PostgreSQL is down, cached rows are answered and the others are UNAVAILABLE") {
  PostgresUsers users;
  const Rig rig;
  PredictdProcess predictd(rig.Flags(
      {"--feature_source=" + users.server.url(), "--local_cache_mb=16", "--local_cache_ttl=1h"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.Predict("u1").ok());
  users.server.Kill();
  CHECK(predictd.Predict("u1").ok());
  const auto answer = predictd.Predict("u2");
  CHECK(answer.code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(answer.message().find("feature source 'postgresql://") != std::string::npos);
  CHECK(answer.message().find("has not answered since 20") != std::string::npos);
  CHECK(StoreErrors(predictd, "source", "unreachable") >= 1);
  users.server.Start();
  CHECK(WaitUntil([&] { return AllLoopsAnswer(predictd); }, kRepair));
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(kUsers));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

TEST_CASE("A hung PostgreSQL costs a time-out per window, and is used again once it goes on") {
  PostgresUsers users;
  const Rig rig;
  PredictdProcess predictd(
      rig.Flags({"--feature_source=" + users.server.url(), "--feature_source_timeout=200ms"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.Predict("u1").ok());
  users.server.Stop();
  constexpr int kCalls = 200;
  for (int call = 0; call < kCalls; ++call) {
    CHECK(predictd.Predict(absl::StrCat("u", call)).code() == grpc::StatusCode::UNAVAILABLE);
  }
  // Far fewer than the calls: those in between fail at once.
  CHECK(StoreErrors(predictd, "source", "timeout") >= 1);
  CHECK(StoreErrors(predictd, "source", "timeout") < kCalls / 4);
  users.server.Continue();
  CHECK(WaitUntil([&] { return predictd.Predict("u3").ok(); }, kRepair));
  CheckSteady(predictd);
}

TEST_CASE("A PostgreSQL that is not there at the start is waited for, and answers once it is") {
  PostgresUsers users;
  users.server.Kill();
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_source=" + users.server.url()}));
  REQUIRE(predictd.WaitUntilReady());
  CHECK(predictd.Predict("u1").code() == grpc::StatusCode::UNAVAILABLE);
  users.server.Start();
  CHECK(WaitUntil([&] { return predictd.Predict("u1").ok(); }, kRepair));
  CheckSteady(predictd);
}

TEST_CASE("A column that is added to or dropped from the table under load disturbs nobody") {
  PostgresUsers users;
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--feature_source=" + users.server.url()}));
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(100));
  users.server.Do("ALTER TABLE user_features ADD COLUMN extra real DEFAULT 7");
  REQUIRE(load.WaitFor(100));
  users.server.Do("ALTER TABLE user_features DROP COLUMN extra");
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  users.server.Do("ALTER TABLE user_features DROP COLUMN f2");
  CHECK(WaitUntil(
      [&] { return predictd.Predict("u1").code() == grpc::StatusCode::FAILED_PRECONDITION; }));
  CHECK(predictd.Predict("u1").message().find("f2") != std::string::npos);
}

TEST_CASE("What PostgreSQL did not take is saved once it is back, each prediction once") {
  PostgresServer server;
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--save_to=" + server.url(), "--local_cache_mb=16"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.Predict("u1").ok());
  REQUIRE(predictd.WaitForMetric(kSaved, 1));
  server.Kill();
  constexpr int kCalls = 200;
  for (int call = 0; call < kCalls; ++call) REQUIRE(predictd.Predict("u2").ok());
  server.Start();
  CHECK(predictd.WaitForMetric(kSaved, 1 + kCalls));
  CHECK(server.Do("SELECT count(DISTINCT prediction_id) FROM predictions") ==
        absl::StrCat(1 + kCalls));
  const auto saved = predictd.Predict("u3");
  CHECK(WaitUntil([&] {
    return server.Do(absl::StrCat("SELECT user_id FROM predictions WHERE prediction_id = '",
                                  saved.response.prediction_id(), "'")) == "u3";
  }));
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
