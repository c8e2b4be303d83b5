// The writer on a real server, through faults.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/save/writer.h"
#include "server/sql/postgres_store.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/postgres_database.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/predictions.h"

namespace predictd::save {
namespace {

struct Test {
  Test() { Open(); }
  void Open() {
    writer.reset();
    auto created = PostgresStore::Create({database.url()}, clock);
    REQUIRE(created.ok());
    store = *std::move(created);
    Writer::Options options;
    options.max_queue = 5000;
    options.first_retry = absl::Milliseconds(5);
    options.longest_retry = absl::Milliseconds(20);
    writer.emplace(*store, clock, metrics, options);
  }
  bool WaitFor(double (*value)(Metrics&), double at_least) {
    const absl::Time latest = clock.Now() + absl::Seconds(60);
    while (value(metrics) < at_least && clock.Now() < latest) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return value(metrics) >= at_least;
  }
  bool WaitForWriteErrors() {
    return WaitFor([](Metrics& from) { return StoreErrors(from, "save", "write"); }, 2);
  }
  bool WaitForSaved(double count) {
    return WaitFor([](Metrics& from) { return Saves(from, "saved"); }, count);
  }
  bool Flush() { return writer->Flush(clock.Now() + absl::Seconds(60)).ok(); }
  std::string Count() { return database.Do("SELECT count(*) FROM predictions"); }

  SystemClock clock;
  SleepingLoop loop{clock};
  Metrics metrics;
  PostgresDatabase database;
  std::unique_ptr<PostgresStore> store;
  std::optional<Writer> writer;
};

TEST_CASE("predictions wait while PostgreSQL is down, at the start or later, and are saved then") {
  Test test;
  test.database.server().Kill();
  const bool at_start = GENERATE(true, false);
  if (at_start) test.Open();
  for (int i = 0; i < 2000; ++i) test.writer->SaveLater(MakePrediction(absl::StrCat("id-", i)));
  REQUIRE(test.WaitForWriteErrors());
  // A caller who waits is told.
  const auto saved = Await(test.loop, test.writer->Save(test.loop, MakePrediction("now"),
                                                        test.clock.Now() + absl::Seconds(60)));
  CHECK(saved.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(saved.status().message()).find(test.database.name()) != std::string::npos);
  const auto waiting =
      Await(test.loop, test.writer->Find(test.loop, "id-7", absl::InfiniteFuture()));
  CHECK((*waiting).has_value());
  test.database.server().Start();
  CHECK(test.WaitForSaved(2000));
  REQUIRE(test.Flush());
  CHECK(test.Count() == "2000");
  CHECK(Saves(test.metrics, "failed") == 1);
  CHECK(Saves(test.metrics, "dropped") == 0);
}

TEST_CASE("no prediction is lost or saved twice while PostgreSQL's back ends are terminated") {
  Test test;
  int queued = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 300; ++i) {
      Prediction prediction = MakePrediction(absl::StrCat("id-", queued++));
      prediction.idempotency_key = absl::StrCat("key-", queued);
      test.writer->SaveLater(std::move(prediction));
    }
    test.database.Terminate();
    REQUIRE(test.WaitForSaved(queued - 1000));
  }
  REQUIRE(test.Flush());
  CHECK(test.Count() == absl::StrCat(queued));
  CHECK(Saves(test.metrics, "saved") == queued);
}

TEST_CASE("one prediction that PostgreSQL refuses does not stop the others") {
  Test test;
  test.database.Do("ALTER TABLE predictions ADD CHECK (user_id <> 'bob')");
  for (int i = 0; i < 300; ++i) {
    Prediction prediction = MakePrediction(absl::StrCat("id-", i));
    if (i == 123) prediction.user_id = "bob";
    if (i == 200) prediction.user_id = std::string("\0", 1);
    test.writer->SaveLater(std::move(prediction));
  }
  REQUIRE(test.Flush());
  CHECK(test.Count() == "298");
  CHECK(Saves(test.metrics, "saved") == 298);
  CHECK(Saves(test.metrics, "failed") == 2);
}

}  // namespace
}  // namespace predictd::save
