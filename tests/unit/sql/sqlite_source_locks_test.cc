// A source whose file another program has locked.
#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/unit/sql/faulty_source.h"

namespace predictd {
namespace {

TEST_CASE("a locked file costs no more than the caller's deadline, and is read again after it") {
  FaultySource test;
  test.Open(absl::Seconds(60));
  const CapturedLog log;
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  const absl::Time start = test.clock.Now();
  const Answer row = test.Read(absl::Milliseconds(200));
  const absl::Duration took = test.clock.Now() - start;
  CHECK(row.status().code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(std::string(row.status().message()).find("users.db") != std::string::npos);
  CHECK(took >= absl::Milliseconds(200));
  CHECK(took < absl::Seconds(15));
  CHECK(test.Errors("timeout") == 1);

  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
  CHECK(log.Count("does not answer") == 1);
  CHECK(log.Count("answers again") == 1);
}

TEST_CASE("a source that does not answer within its own time-out is UNAVAILABLE") {
  FaultySource test;
  test.Open(absl::Milliseconds(150));
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  const Answer row = test.Read(absl::Seconds(60));
  CHECK(row.status().code() == absl::StatusCode::kUnavailable);
  const std::string message(row.status().message());
  const std::string since = "has not answered since ";
  REQUIRE(absl::StrContains(message, since));
  // As the times of the log are, and those of Redis.
  CHECK(message.substr(message.find(since) + since.size()).find("Z: ") == 19);
  Execute(*other, {"COMMIT"});
  // Its time-out is short for a busy machine.
  CHECK(test.loop.RunUntil([&] { return test.Works(); }));
}

TEST_CASE("a lock that goes away in time is waited for") {
  FaultySource test;
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  std::thread unlock([&] {
    absl::SleepFor(absl::Milliseconds(50));
    other->Execute("COMMIT").IgnoreError();
  });
  CHECK(test.Works());
  unlock.join();
  CHECK(test.Errors("timeout") == 0);
}

TEST_CASE("reads that queued up behind a lock fail together, not one after the other") {
  FaultySource test;
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  const absl::Time start = test.clock.Now();
  std::vector<std::optional<Answer>> answers(300);
  Scope scope;
  for (auto& answer : answers) {
    auto read = test.source->Read(test.loop, "u", start + absl::Seconds(2));
    scope.Spawn(KeepResult(std::move(read), answer));
  }
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  CHECK(test.clock.Now() - start < absl::Seconds(15));
  for (const auto& answer : answers) {
    CHECK(answer->status().code() == absl::StatusCode::kDeadlineExceeded);
  }
  CHECK(test.Errors("timeout") == 300);
  // None of them is still waited for.
  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
}

TEST_CASE("readers of a file in WAL mode do not wait for its writer") {
  FaultySource test;
  Execute(test.path, {"PRAGMA journal_mode = WAL"});
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE", "UPDATE user_features SET x = 2"});
  CHECK(test.Works());
  Execute(*other, {"COMMIT"});
  CHECK((*test.Read())->values[0] == 2);
}

TEST_CASE("the queue of reads is bounded and says so") {
  FaultySource test;
  test.Open(absl::Seconds(60), 1);
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  std::vector<std::optional<Answer>> answers(10);
  Scope scope;
  for (auto& answer : answers) {
    auto read = test.source->Read(test.loop, "u", test.clock.Now() + absl::Seconds(60));
    scope.Spawn(KeepResult(std::move(read), answer));
  }
  // The thread has taken one at most, one more waits.
  int refused = 0;
  for (const auto& answer : answers) {
    if (answer.has_value()) ++refused;
  }
  CHECK(refused >= 8);
  Execute(*other, {"COMMIT"});
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  CHECK(absl::IsUnavailable(answers.back()->status()));
}

TEST_CASE("an abandoned read outlives the loop that asked") {
  FaultySource test;
  test.Open();
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  {
    SleepingLoop loop(test.clock);
    const Answer row =
        Await(loop, test.source->Read(loop, "u", test.clock.Now() + absl::Milliseconds(20)));
    CHECK(absl::IsDeadlineExceeded(row.status()));
  }
  Execute(*other, {"COMMIT"});
  CHECK(test.Works());
}

TEST_CASE("a source goes away at once though its file is locked") {
  FaultySource test;
  test.Open(absl::Seconds(60));
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN EXCLUSIVE"});
  CHECK(absl::IsDeadlineExceeded(test.Read(absl::Milliseconds(20)).status()));
  const absl::Time start = test.clock.Now();
  test.source.reset();
  CHECK(test.clock.Now() - start < absl::Seconds(15));
}

}  // namespace
}  // namespace predictd
