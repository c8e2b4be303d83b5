// The writer on a real file, through faults.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/save/writer.h"
#include "server/sql/sqlite_store.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/predictions.h"
#include "tests/unit/sql/small_disk.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd::save {
namespace {

struct Test {
  // `longest`: of one write or read; as long as nothing takes that is not locked.
  explicit Test(absl::Duration longest = absl::Seconds(20)) {
    auto created = SqliteStore::Create({path, longest}, clock);
    REQUIRE(created.ok());
    store = *std::move(created);
    Writer::Options options;
    options.max_queue = 5000;
    options.first_retry = absl::Milliseconds(5);
    options.longest_retry = absl::Milliseconds(20);
    writer.emplace(*store, clock, metrics, options);
  }
  // Of `result`, at least `count`, within a generous time.
  bool WaitFor(const std::string& result, double count) {
    const absl::Time latest = clock.Now() + absl::Seconds(20);
    while (Saves(metrics, result) < count && clock.Now() < latest) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return Saves(metrics, result) >= count;
  }
  bool WaitForWriteErrors() {
    const absl::Time latest = clock.Now() + absl::Seconds(20);
    while (StoreErrors(metrics, "save", "write") < 2 && clock.Now() < latest) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return StoreErrors(metrics, "save", "write") >= 2;
  }
  std::string Count() { return Query(path, "SELECT count(*) FROM predictions"); }

  SystemClock clock;
  SleepingLoop loop{clock};
  Metrics metrics;
  TempFolder folder;
  const std::string path = folder.File("predictions.db");
  std::unique_ptr<SqliteStore> store;
  std::optional<Writer> writer;
};

TEST_CASE("predictions wait while the disk is full and are saved when it is not") {
  Test test;
  int queued = 0;
  {
    const SmallDisk disk(8000);
    while (queued < 2000) test.writer->SaveLater(MakePrediction(absl::StrCat("id-", queued++)));
    REQUIRE(test.WaitForWriteErrors());
    // A caller who waits is told.
    const auto saved = Await(test.loop, test.writer->Save(test.loop, MakePrediction("now"),
                                                          test.clock.Now() + absl::Seconds(20)));
    CHECK(saved.status().code() == absl::StatusCode::kUnavailable);
    CHECK(std::string(saved.status().message()).find("predictions.db") != std::string::npos);
    CHECK(Saves(test.metrics, "saved") < 2000);
  }
  CHECK(test.WaitFor("saved", 2000));
  REQUIRE(test.writer->Flush(test.clock.Now() + absl::Seconds(20)).ok());
  CHECK(test.Count() == "2000");
  CHECK(Saves(test.metrics, "saved") == 2000);
  CHECK(Saves(test.metrics, "failed") == 1);
  CHECK(Saves(test.metrics, "dropped") == 0);
}

TEST_CASE("predictions wait while another program has the file locked") {
  Test test(absl::Milliseconds(500));
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN IMMEDIATE"});
  for (int i = 0; i < 100; ++i) test.writer->SaveLater(MakePrediction(absl::StrCat("id-", i)));
  REQUIRE(test.WaitForWriteErrors());
  const auto found = Await(test.loop, test.writer->Find(test.loop, "id-7", absl::InfiniteFuture()));
  CHECK((*found).has_value());
  Execute(*other, {"COMMIT"});
  CHECK(test.WaitFor("saved", 100));
  absl::StatusOr<std::optional<Prediction>> stored;
  // A busy machine may take longer for one.
  REQUIRE(test.loop.RunUntil([&] {
    stored = Await(test.loop, test.writer->Find(test.loop, "id-7", absl::InfiniteFuture()));
    return stored.ok();
  }));
  REQUIRE((*stored).has_value());
  CheckSame(**stored, MakePrediction("id-7"));
}

TEST_CASE("one prediction that a trigger refuses does not stop the others") {
  Test test;
  Execute(test.path, {"CREATE TRIGGER no_bob BEFORE INSERT ON predictions WHEN new.user_id = 'bob' "
                      "BEGIN SELECT RAISE(ABORT, 'not bob'); END"});
  for (int i = 0; i < 300; ++i) {
    Prediction prediction = MakePrediction(absl::StrCat("id-", i));
    if (i == 123) prediction.user_id = "bob";
    test.writer->SaveLater(std::move(prediction));
  }
  REQUIRE(test.writer->Flush(test.clock.Now() + absl::Seconds(20)).ok());
  CHECK(test.Count() == "299");
  CHECK(Saves(test.metrics, "saved") == 299);
  CHECK(Saves(test.metrics, "failed") == 1);
}

}  // namespace
}  // namespace predictd::save
