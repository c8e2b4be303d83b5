#include "server/sql/feature_sink_thread.h"

#include <optional>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/metric_value.h"
#include "tests/stores/postgres/feature_sink_rig.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

struct ThreadRig {
  void Open(absl::Duration timeout = absl::Seconds(60), size_t max_queue = 10) {
    thread.emplace(
        std::make_unique<SqliteFeatureSink>(
            SqliteFeatureSink::Options{path, "user_features", "user_id", timeout}, clock),
        clock, metrics, max_queue);
  }
  absl::StatusOr<Statuses> Write(const Names& names, const Records& rows,
                                 absl::Duration time = absl::InfiniteDuration()) {
    return Await(loop, thread->Write(loop, names, rows, clock.Now() + time));
  }
  double Errors() { return StoreErrors(metrics, "source", "write"); }

  SystemClock clock;
  SleepingLoop loop{clock};
  Metrics metrics;
  TempFolder folder;
  const std::string path = folder.File("users.db");
  std::optional<FeatureSinkThread> thread;
};

TEST_CASE("a coroutine waits for its rows to be written") {
  ThreadRig test;
  test.Open();
  const auto statuses = test.Write({"x"}, {{"u", {1}}, {"", {1}}});
  REQUIRE(statuses.ok());
  CHECK((*statuses)[0].ok());
  CHECK(absl::IsInvalidArgument((*statuses)[1]));
  CHECK(Query(test.path, "SELECT x FROM user_features") == "1.0");
  CHECK(absl::IsInvalidArgument(test.Write({"y"}, {{"u", {1}}}).status()));
  CHECK(test.Errors() == 0);
}

TEST_CASE("a store of features that cannot be written is counted and said once per change") {
  ThreadRig test;
  test.Open(absl::Milliseconds(20));
  REQUIRE(test.Write({"x"}, {{"u", {1}}}).ok());
  const CapturedLog log;
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN IMMEDIATE"});
  const absl::Status status = test.Write({"x"}, {{"u", {2}}}).status();
  CHECK(absl::IsUnavailable(status));
  CheckError(status, {"could not be written", "users.db"});
  CHECK(!test.Write({"x"}, {{"u", {2}}}).ok());
  CHECK(test.Errors() == 2);
  CHECK(log.Count("features cannot be written") == 1);
  Execute(*other, {"COMMIT"});
  CHECK(test.Write({"x"}, {{"u", {2}}}).ok());
  CHECK(log.Count("features are written again") == 1);
  Execute(test.path, {"ALTER TABLE user_features RENAME TO t",
                      "CREATE VIEW user_features AS SELECT * FROM t"});
  CHECK(absl::IsFailedPrecondition(test.Write({"x"}, {{"u", {2}}}).status()));
  CHECK(test.Errors() == 3);
}

TEST_CASE("a write of features ends at its deadline, and beyond the bound at once") {
  ThreadRig test;
  test.Open(absl::Seconds(60), 1);
  REQUIRE(test.Write({"x"}, {{"u", {1}}}).ok());
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN IMMEDIATE"});
  std::optional<absl::StatusOr<Statuses>> under_way;
  Scope scope;
  scope.Spawn(KeepResult(
      test.thread->Write(test.loop, {"x"}, {{"u", {2}}}, test.clock.Now() + absl::Seconds(2)),
      under_way));
  // There is room in the queue once the thread has taken that one and waits for the lock.
  absl::Status queued;
  REQUIRE(test.loop.RunUntil([&] {
    queued = test.Write({"x"}, {{"u", {3}}}, absl::Milliseconds(50)).status();
    return !absl::IsResourceExhausted(queued);
  }));
  CHECK(absl::IsDeadlineExceeded(queued));
  CHECK(absl::IsResourceExhausted(test.Write({"x"}, {{"u", {4}}}).status()));
  CHECK(absl::IsDeadlineExceeded(test.Write({"x"}, {{"u", {5}}}, absl::ZeroDuration()).status()));
  REQUIRE(test.loop.RunUntil([&] { return under_way.has_value(); }));
  CHECK(absl::IsDeadlineExceeded(under_way->status()));
  Execute(*other, {"COMMIT"});
  const absl::Time latest = test.clock.Now() + absl::Seconds(60);
  while (!test.Write({"x"}, {{"last", {1}}}).ok() && test.clock.Now() < latest) {
  }
  // What was under way may be written; what nobody waits for any more is not.
  CHECK(Query(test.path, "SELECT x < 3 FROM user_features WHERE user_id = 'u'") == "1");
  CHECK(Query(test.path, "SELECT count(*) FROM user_features") == "2");
}

}  // namespace
}  // namespace predictd
