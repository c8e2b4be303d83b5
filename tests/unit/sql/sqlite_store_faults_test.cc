#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/sql/sqlite_store.h"
#include "tests/catch.h"
#include "tests/unit/sql/predictions.h"
#include "tests/unit/sql/small_disk.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {
namespace {

struct Store {
  Store() {
    auto created = SqliteStore::Create({path, absl::Milliseconds(100)}, clock);
    REQUIRE(created.ok());
    store = *std::move(created);
  }
  absl::Status Write(const std::string& id) {
    const Prediction prediction = MakePrediction(id);
    const Prediction* pointer = &prediction;
    return store->Write({&pointer, 1}).status();
  }
  std::string Count() { return Query(path, "SELECT count(*) FROM predictions"); }

  SystemClock clock;
  TempFolder folder;
  const std::string path = folder.File("predictions.db");
  std::unique_ptr<SqliteStore> store;
};

TEST_CASE("a full disk is an error that names the file, and passes") {
  Store test;
  int written = 0;
  {
    const SmallDisk disk(400000);
    absl::Status status;
    while (status.ok() && written < 100000) {
      status = test.Write(absl::StrCat("id-", written));
      if (status.ok()) ++written;
    }
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kUnavailable);
    CHECK(std::string(status.message()).find("predictions.db") != std::string::npos);
    CHECK(!test.Write(absl::StrCat("id-", written)).ok());
  }
  CHECK(written > 10);
  CHECK(test.Write(absl::StrCat("id-", written)).ok());
  CHECK(test.Count() == absl::StrCat(written + 1));
  CHECK((*test.store->Find("id-0")).has_value());
  CHECK(Query(test.path, "PRAGMA integrity_check") == "ok");
}

TEST_CASE("a file that another program has locked is an error in bounded time, and passes") {
  Store test;
  const auto other = Connect(test.path);
  Execute(*other, {"BEGIN IMMEDIATE"});
  const absl::Time start = test.clock.Now();
  const absl::Status status = test.Write("a");
  CHECK(!status.ok());
  CHECK(!absl::IsInvalidArgument(status));
  CHECK(test.clock.Now() - start < absl::Seconds(3));
  // Readers of the write-ahead log do not wait.
  CHECK(test.store->Find("a").ok());
  Execute(*other, {"COMMIT"});
  CHECK(test.Write("a").ok());
}

TEST_CASE("a file that was moved away is made anew") {
  Store test;
  REQUIRE(test.Write("a").ok());
  const std::string away = test.folder.File("old.db");
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (std::filesystem::exists(test.path + suffix)) {
      std::filesystem::rename(test.path + suffix, away + suffix);
    }
  }
  CHECK(test.Write("b").ok());
  CHECK(test.Count() == "1");
  CHECK((*test.store->Find("b")).has_value());
  CHECK(Query(away, "SELECT prediction_id FROM predictions") == "a");
}

TEST_CASE("a table that was dropped is made anew") {
  Store test;
  REQUIRE(test.Write("a").ok());
  Execute(test.path, {"DROP TABLE predictions"});
  CHECK(!test.Write("b").ok());
  CHECK(test.Write("b").ok());
  CHECK(test.Count() == "1");
}

TEST_CASE("finding and writing go on at the same time") {
  Store test;
  REQUIRE(test.Write("a").ok());
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread finder([&] {
    while (!stop) {
      const auto found = test.store->Find("a");
      if (!found.ok() || !found->has_value()) ++wrong;
    }
  });
  for (int i = 0; i < 300; ++i) {
    if (!test.Write(absl::StrCat("id-", i)).ok()) ++wrong;
  }
  stop = true;
  finder.join();
  CHECK(wrong == 0);
  CHECK(test.Count() == "301");
}

}  // namespace
}  // namespace predictd
