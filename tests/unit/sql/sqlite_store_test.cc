#include "server/sql/sqlite_store.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/unit/sql/predictions.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {
namespace {

struct Store {
  Store() { Open(); }
  absl::Status TryOpen() {
    store.reset();
    auto created = SqliteStore::Create({path, absl::Milliseconds(200)}, clock);
    if (!created.ok()) return created.status();
    store = *std::move(created);
    return absl::OkStatus();
  }
  void Open() {
    const absl::Status opened = TryOpen();
    INFO(opened.ToString());
    REQUIRE(opened.ok());
  }

  absl::StatusOr<std::vector<std::string>> Write(const std::vector<Prediction>& predictions) {
    std::vector<const Prediction*> pointers;
    for (const Prediction& prediction : predictions) pointers.push_back(&prediction);
    return store->Write(pointers);
  }
  std::optional<Prediction> Find(const std::string& id) {
    auto found = store->Find(id);
    INFO(found.status().ToString());
    REQUIRE(found.ok());
    return *std::move(found);
  }
  std::string Count() { return Query(path, "SELECT count(*) FROM predictions"); }

  SystemClock clock;
  TempFolder folder;
  const std::string path = folder.File("predictions.db");
  std::unique_ptr<SqliteStore> store;
};

void CheckError(const absl::Status& status, std::initializer_list<const char*> parts) {
  const std::string message(status.message());
  INFO(message);
  REQUIRE(!status.ok());
  CHECK(message.find('\n') == std::string::npos);
  for (const char* part : parts) CHECK(message.find(part) != std::string::npos);
}

TEST_CASE("a prediction comes back exactly as it was saved") {
  using Limits = std::numeric_limits<float>;
  Prediction prediction = MakePrediction("id-1");
  prediction.idempotency_key = "key '1'; --";
  prediction.user_id = "usér 1";
  prediction.schema = std::make_shared<const Schema>(
      std::vector<std::string>{"age", "quote\"\\", "tab\t\n", "日本語 🙂", ""});
  prediction.features = {0.1F, -0.0F, Limits::denorm_min(), Limits::max(), 16777215.0F};
  prediction.outputs = {1.0F / 3, Limits::min()};
  prediction.feature_origin = FeatureOrigin::kLocalCache;
  prediction.created_at = absl::FromUnixMillis(1700000000123);

  Store test;
  REQUIRE(*test.Write({prediction}) == std::vector<std::string>{"id-1"});
  const bool reopen = GENERATE(false, true);
  if (reopen) test.Open();
  const auto found = test.Find("id-1");
  REQUIRE(found.has_value());
  CheckSame(*found, prediction);
  CHECK(!test.Find("id-2").has_value());
  CHECK(!test.Find("").has_value());
}

TEST_CASE("the table is the documented one") {
  Store test;
  Prediction prediction = MakePrediction("id-1");
  prediction.feature_origin = FeatureOrigin::kLocalCache;
  prediction.created_at = absl::FromUnixMillis(1700000000007);
  REQUIRE(test.Write({prediction}).ok());
  CHECK(Query(test.path,
              "SELECT prediction_id || '|' || idempotency_key || '|' || user_id || '|' "
              "|| model || '|' || version || '|' || features || '|' || outputs || '|' "
              "|| feature_origin || '|' || created_at FROM predictions") ==
        R"(id-1||u|churn|3|{"age":1.5,"score":-2}|[0.25]|LOCAL_CACHE|2023-11-14T22:13:20.007Z)");
  CHECK(Query(test.path, "PRAGMA journal_mode") == "wal");
  CHECK(Query(test.path, "PRAGMA page_size") == "8192");
  CHECK(Query(test.path, "SELECT json_extract(features, '$.age') FROM predictions") == "1.5");
  CHECK(Query(test.path,
              "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || pk, ', ') FROM "
              "pragma_table_info('predictions')") ==
        "prediction_id TEXT 01, idempotency_key TEXT 00, user_id TEXT 10, model TEXT 10, "
        "version TEXT 10, features TEXT 10, outputs TEXT 10, feature_origin TEXT 10, "
        "created_at TEXT 10");
}

TEST_CASE("of several predictions with one idempotency key the first is saved") {
  Store test;
  const auto keyed = [](const std::string& id, const std::string& key) {
    Prediction prediction = MakePrediction(id);
    prediction.idempotency_key = key;
    return prediction;
  };
  using Ids = std::vector<std::string>;
  // Within a batch, across batches, and beside others without a key.
  CHECK(*test.Write({keyed("a", "k"), keyed("b", "k"), keyed("c", ""), keyed("d", "")}) ==
        Ids{"a", "a", "c", "d"});
  CHECK(*test.Write({keyed("e", "k"), keyed("f", "l"), keyed("g", "l")}) == Ids{"a", "f", "f"});
  // A batch that is written again changes nothing.
  CHECK(*test.Write({keyed("a", "k"), keyed("b", "k"), keyed("c", ""), keyed("d", "")}) ==
        Ids{"a", "a", "c", "d"});
  CHECK(test.Count() == "4");
  CHECK(!test.Find("b").has_value());
  test.Open();
  CHECK(*test.Write({keyed("h", "l")}) == Ids{"f"});
  CHECK(Query(test.path,
              "EXPLAIN QUERY PLAN SELECT prediction_id FROM predictions WHERE "
              "idempotency_key = 'k' AND idempotency_key <> ''") != "");
}

TEST_CASE("a prediction that the table passes over in silence is not taken for saved") {
  Store test;
  SECTION("for a trigger") {
    Execute(test.path,
            {"CREATE TRIGGER no_bob BEFORE INSERT ON predictions WHEN new.user_id = 'bob' "
             "BEGIN SELECT RAISE(IGNORE); END"});
  }
  SECTION("for a unique index of somebody else") {
    Execute(test.path, {"CREATE UNIQUE INDEX one_of_each ON predictions (user_id) "
                        "WHERE user_id = 'bob'"});
    Prediction first = MakePrediction("first");
    first.user_id = "bob";
    REQUIRE(test.Write({first}).ok());
  }
  // Alone, and among so many that they are written together.
  const int others = GENERATE(0, 15);
  std::vector<Prediction> predictions;
  for (int i = 0; i < others; ++i) predictions.push_back(MakePrediction(absl::StrCat("id-", i)));
  predictions.push_back(MakePrediction("b"));
  predictions.back().user_id = "bob";
  const auto ids = test.Write(predictions);
  CHECK(absl::IsInvalidArgument(ids.status()));
  CHECK(std::string(ids.status().message()).find("prediction b is refused") != std::string::npos);
  CHECK_FALSE(test.Find("b").has_value());
  CHECK_FALSE(test.Find("id-0").has_value());
  predictions.pop_back();
  CHECK(test.Write(predictions).ok());
}

TEST_CASE("many predictions come back each as it was saved, with keys among them or not") {
  const int keyed = GENERATE(-1, 0, 20, 39);
  Store test;
  std::vector<Prediction> predictions;
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(absl::StrCat("id-", i));
    Prediction prediction = MakePrediction(ids.back());
    prediction.user_id = absl::StrCat("user ", i);
    prediction.features = {static_cast<float>(i), 0.5F};
    prediction.outputs = {static_cast<float>(-i)};
    if (i == keyed) prediction.idempotency_key = "key";
    predictions.push_back(std::move(prediction));
  }
  REQUIRE(*test.Write(predictions) == ids);
  CHECK(test.Count() == "40");
  for (const Prediction& prediction : predictions) {
    const auto found = test.Find(prediction.prediction_id);
    REQUIRE(found.has_value());
    CheckSame(*found, prediction);
  }
}

TEST_CASE("a batch that cannot be written leaves nothing behind") {
  Store test;
  Prediction poison = MakePrediction("b");
  poison.outputs = {std::numeric_limits<float>::infinity()};
  const auto ids = test.Write({MakePrediction("a"), poison, MakePrediction("c")});
  CHECK(ids.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(test.Count() == "0");
  CHECK(test.Write({MakePrediction("a"), MakePrediction("c")}).ok());
  CHECK(test.Count() == "2");
}

TEST_CASE("a row that a constraint of the table's owner refuses is INVALID_ARGUMENT") {
  Store test;
  Execute(test.path, {"CREATE TRIGGER no_bob BEFORE INSERT ON predictions WHEN new.user_id = 'bob' "
                      "BEGIN SELECT RAISE(ABORT, 'not bob'); END"});
  Prediction bob = MakePrediction("b");
  bob.user_id = "bob";
  CheckError(test.Write({MakePrediction("a"), bob}).status(), {"not bob", "predictions.db"});
  CHECK(absl::IsInvalidArgument(test.Write({bob}).status()));
  CHECK(test.Count() == "0");
}

TEST_CASE("a table of another shape is refused, naming the flag and the column") {
  Store test;
  const auto other = [&](const char* create) {
    std::filesystem::remove(test.path);
    std::filesystem::remove(test.path + "-wal");
    std::filesystem::remove(test.path + "-shm");
    Execute(test.path, {create});
    return test.TryOpen();
  };
  test.store.reset();
  CheckError(
      other("CREATE TABLE predictions (prediction_id TEXT PRIMARY KEY, idempotency_key TEXT, "
            "user_id TEXT, model TEXT, version TEXT, features TEXT, feature_origin TEXT, "
            "created_at TEXT)"),
      {"--save_to", "predictions.db", "no column 'outputs'"});
  CheckError(other("CREATE TABLE predictions (prediction_id TEXT, idempotency_key TEXT, user_id "
                   "TEXT, model TEXT, version TEXT, features TEXT, outputs TEXT, feature_origin "
                   "TEXT, created_at TEXT)"),
             {"--save_to", "'prediction_id'", "primary key"});
  CheckError(
      other("CREATE TABLE predictions (prediction_id TEXT PRIMARY KEY, idempotency_key TEXT, "
            "user_id TEXT, model TEXT, version TEXT, features TEXT, outputs TEXT, "
            "feature_origin TEXT, created_at TEXT, region TEXT NOT NULL)"),
      {"--save_to", "'region'"});
  CheckError(other("CREATE VIEW predictions AS SELECT 1 AS x"), {"--save_to", "'prediction_id'"});
  // More columns than ours are no hindrance.
  CHECK(other("CREATE TABLE predictions (prediction_id TEXT PRIMARY KEY, idempotency_key TEXT, "
              "user_id TEXT, model TEXT, version TEXT, features TEXT, outputs TEXT, "
              "feature_origin TEXT, created_at TEXT, note TEXT, at TEXT NOT NULL DEFAULT '')")
            .ok());
  CHECK(test.Write({MakePrediction("a")}).ok());
}

TEST_CASE("a file that cannot be written is refused at the start") {
  Store test;
  test.store.reset();
  const SystemClock clock;
  CheckError(SqliteStore::Create({test.folder.File("no/such/folder.db")}, clock).status(),
             {"--save_to", "no/such/folder.db", "unable to open"});
  const std::string garbage = test.folder.File("garbage");
  std::ofstream(garbage) << std::string(5000, 'x');
  CheckError(SqliteStore::Create({garbage}, clock).status(), {"--save_to", "not a database"});
}

TEST_CASE("a folder that the user may not write is told as such, not as a missing file") {
  const TempFolder folder;
  std::filesystem::permissions(folder.File(""), std::filesystem::perms(0555));
  absl::Status status;
  std::thread([&] {
    // Of this thread alone: root may write everywhere.
    constexpr int kNobody = 65534;
    if (::geteuid() == 0) ::syscall(SYS_setresuid, kNobody, kNobody, kNobody);
    const SystemClock clock;
    status = SqliteStore::Create({folder.File("p.db")}, clock).status();
  }).join();
  CheckError(status, {"--save_to", "p.db", "unable to open", "Permission denied"});
}

TEST_CASE("a row that others broke is DATA_LOSS naming the column") {
  Store test;
  REQUIRE(test.Write({MakePrediction("a")}).ok());
  Execute(test.path, {"UPDATE predictions SET features = '{\"age\":'"});
  const auto found = test.store->Find("a");
  CHECK(found.status().code() == absl::StatusCode::kDataLoss);
  CHECK(std::string(found.status().message()).find("'features'") != std::string::npos);
}

}  // namespace
}  // namespace predictd
