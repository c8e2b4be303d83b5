#include "server/sql/postgres_store.h"

#include <atomic>
#include <limits>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/catch.h"
#include "tests/stores/postgres/postgres_store_rig.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

using Ids = std::vector<std::string>;

Prediction Keyed(const std::string& id, const std::string& key) {
  Prediction prediction = MakePrediction(id);
  prediction.idempotency_key = key;
  return prediction;
}

TEST_CASE("PostgreSQL gives a prediction back exactly as it was saved") {
  using Limits = std::numeric_limits<float>;
  Prediction prediction = MakePrediction("id-1");
  prediction.idempotency_key = R"(key '1'; -- {"a",NULL} \x00 $1)";
  prediction.user_id = "usér {1}, \\ \"NULL\" \t\n";
  prediction.model = "";
  prediction.schema = std::make_shared<const Schema>(std::vector<std::string>{
      "age", "quote\"\\", "tab\t\n", "日本語 🙂", "", std::string("nul\0", 4)});
  prediction.features = {0.1F, -0.0F, Limits::denorm_min(), Limits::max(), 16777215.0F, -1e-30F};
  prediction.outputs = {1.0F / 3, Limits::min()};
  prediction.feature_origin = FeatureOrigin::kLocalCache;

  PostgresStoreRig test;
  test.Open();
  REQUIRE(*test.Write({prediction}) == Ids{"id-1"});
  const bool reopen = GENERATE(false, true);
  if (reopen) test.Open();
  const auto found = test.Find("id-1");
  REQUIRE(found.has_value());
  CheckSame(*found, prediction);
  CHECK(!test.Find("id-2").has_value());
  CHECK(!test.Find("").has_value());
  CHECK(!test.Find(std::string("id-1\0", 5)).has_value());
}

TEST_CASE("PostgreSQL keeps every bit of random floats") {
  PostgresStoreRig test;
  test.Open();
  std::mt19937 random(7);
  std::vector<Prediction> batch;
  for (int i = 0; i < 200; ++i) {
    Prediction& prediction = batch.emplace_back(MakePrediction(absl::StrCat("id-", i)));
    for (float& value : prediction.features) {
      do {
        const uint32_t bits = random();
        std::memcpy(&value, &bits, sizeof value);
      } while (!std::isfinite(value));
    }
    prediction.outputs.assign(static_cast<size_t>(i % 3), prediction.features[0]);
  }
  REQUIRE(test.Write(batch).ok());
  for (const Prediction& prediction : batch) {
    const auto found = test.Find(prediction.prediction_id);
    REQUIRE(found.has_value());
    CheckSame(*found, prediction);
  }
}

TEST_CASE("the table in PostgreSQL is the documented one") {
  PostgresStoreRig test;
  test.Open();
  Prediction prediction = MakePrediction("id-1");
  prediction.created_at = absl::FromUnixMillis(1700000000007);
  REQUIRE(test.Write({prediction}).ok());
  CHECK(test.database.Do("SELECT concat_ws('|', prediction_id, idempotency_key, user_id, model, "
                         "version, features, outputs, feature_origin, created_at) "
                         "FROM predictions") ==
        R"(id-1||u|churn|3|{"age":1.5,"score":-2}|[0.25]|SOURCE|2023-11-14T22:13:20.007Z)");
  CHECK(test.database.Do("SELECT features::json->>'age' FROM predictions") == "1.5");
  CHECK(test.database.Do("SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable, "
                         "', ' ORDER BY ordinal_position) FROM information_schema.columns "
                         "WHERE table_name = 'predictions'") ==
        "prediction_id text NO, idempotency_key text YES, user_id text NO, model text NO, "
        "version text NO, features text NO, outputs text NO, feature_origin text NO, "
        "created_at text NO");
  CHECK(test.database.Do("SELECT indexdef FROM pg_indexes WHERE indexname = "
                         "'predictions_idempotency_key'") ==
        "CREATE UNIQUE INDEX predictions_idempotency_key ON public.predictions USING btree "
        "(idempotency_key) WHERE (idempotency_key <> ''::text)");
}

TEST_CASE("of several predictions with one idempotency key PostgreSQL saves the first") {
  PostgresStoreRig test;
  test.Open();
  // Within a batch, across batches, and beside others without a key.
  const std::vector<Prediction> first = {Keyed("a", "k"), Keyed("b", "k"), Keyed("c", ""),
                                         Keyed("d", "")};
  CHECK(*test.Write(first) == Ids{"a", "a", "c", "d"});
  CHECK(*test.Write({Keyed("e", "k"), Keyed("f", "l"), Keyed("g", "l")}) == Ids{"a", "f", "f"});
  // A batch that is written again changes nothing.
  CHECK(*test.Write(first) == Ids{"a", "a", "c", "d"});
  CHECK(test.Count() == "4");
  CHECK(!test.Find("b").has_value());
  test.Open();
  CHECK(*test.Write({Keyed("h", "l")}) == Ids{"f"});
  CHECK(*test.Write(std::vector<Prediction>()) == Ids{});
}

TEST_CASE("a batch that PostgreSQL cannot hold leaves nothing behind and says which row it is") {
  PostgresStoreRig test;
  test.Open();
  Prediction poison = MakePrediction("poison");
  SECTION("a value that is not finite") {
    poison.outputs = {std::numeric_limits<float>::infinity()};
  }
  SECTION("a NUL byte") { poison.user_id = std::string("u\0", 2); }
  const auto ids = test.Write({MakePrediction("a"), poison, MakePrediction("c")});
  CheckError(ids.status(), {"poison"});
  CHECK(absl::IsInvalidArgument(ids.status()));
  CHECK(test.Count() == "0");
  CHECK(test.Write({MakePrediction("a"), MakePrediction("c")}).ok());
  CHECK(test.Count() == "2");
}

TEST_CASE("a row that PostgreSQL refuses for ever is INVALID_ARGUMENT") {
  PostgresStoreRig test;
  test.Open();
  Prediction bob = MakePrediction("b");
  bob.user_id = "bob";
  SECTION("by a trigger") {
    test.database.Do(
        "CREATE FUNCTION no_bob() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.user_id = 'bob' THEN RAISE EXCEPTION 'not bob'; END IF; RETURN new; END $$; "
        "CREATE TRIGGER no_bob BEFORE INSERT ON predictions FOR EACH ROW EXECUTE FUNCTION "
        "no_bob()");
    CheckError(test.Write({MakePrediction("a"), bob}).status(),
               {"not bob", test.database.name().c_str()});
  }
  SECTION("by a constraint") {
    test.database.Do("ALTER TABLE predictions ADD CHECK (user_id <> 'bob')");
  }
  SECTION("by a constraint that is looked at when the transaction ends") {
    test.database.Do(
        "CREATE TABLE users (user_id TEXT PRIMARY KEY); INSERT INTO users VALUES ('u'); "
        "ALTER TABLE predictions ADD FOREIGN KEY (user_id) REFERENCES users DEFERRABLE INITIALLY "
        "DEFERRED");
  }
  SECTION("by another unique index") {
    test.database.Do("CREATE UNIQUE INDEX ON predictions (model) WHERE user_id = 'bob'");
    Prediction other = bob;
    other.prediction_id = "other";
    REQUIRE(test.Write({other}).ok());
    CheckError(test.Write({bob}).status(), {"unique index"});
    test.database.Do(
        "DELETE FROM predictions; ALTER TABLE predictions ADD CHECK (user_id <> 'bob')");
  }
  SECTION("because it does not fit into the index") {
    std::mt19937 random(1);
    for (int i = 0; i < 6000; ++i) absl::StrAppend(&bob.idempotency_key, random() % 10);
  }
  SECTION("because it is no UTF-8") { bob.user_id = "\xff"; }
  CHECK(absl::IsInvalidArgument(test.Write({MakePrediction("a"), bob}).status()));
  CHECK(absl::IsInvalidArgument(test.Write({bob}).status()));
  CHECK(test.Count() == "0");
  CHECK(test.Write("a").ok());
}

TEST_CASE("a table of predictions whose texts are VARCHAR is taken, and gets its index once") {
  PostgresStoreRig test;
  test.database.Do(
      "CREATE TABLE predictions (prediction_id VARCHAR PRIMARY KEY, idempotency_key VARCHAR(80), "
      "user_id VARCHAR, model VARCHAR, version VARCHAR, features TEXT, outputs TEXT, "
      "feature_origin VARCHAR, created_at VARCHAR)");
  for (int i = 0; i < 2; ++i) {
    test.Open();
    CHECK(test.Write(i == 0 ? "a" : "b").ok());
  }
  CHECK(test.database.Do("SELECT count(*) FROM pg_indexes WHERE tablename = 'predictions'") == "2");
}

TEST_CASE("a table of another shape in PostgreSQL is refused, naming the flag and the column") {
  PostgresStoreRig test;
  const std::string table =
      "CREATE TABLE predictions (prediction_id TEXT PRIMARY KEY, idempotency_key TEXT, "
      "user_id TEXT, model TEXT, version TEXT, features TEXT, outputs TEXT, feature_origin TEXT, "
      "created_at TEXT)";
  const auto other = [&](const std::string& what, const std::string& instead) {
    test.database.Do("DROP TABLE IF EXISTS predictions");
    test.database.Do(absl::StrReplaceAll(table, {{what, instead}}));
    return test.TryOpen();
  };
  CheckError(other("outputs TEXT, ", ""), {"--save_to", "no column 'outputs'"});
  CheckError(other("features TEXT", "features JSONB"), {"--save_to", "'features'", "jsonb"});
  CheckError(other("created_at TEXT", "created_at TIMESTAMPTZ"), {"'created_at'", "time zone"});
  CheckError(other("TEXT PRIMARY KEY", "TEXT"), {"--save_to", "'prediction_id'", "primary key"});
  CheckError(other(" TEXT)", " TEXT, region TEXT NOT NULL)"), {"--save_to", "'region'"});
  // More columns than ours are no hindrance.
  CHECK(other(" TEXT)", " VARCHAR, note TEXT, at TEXT NOT NULL DEFAULT '')").ok());
  CHECK(test.Write("a").ok());
  CHECK(*test.Write({Keyed("b", "k"), Keyed("c", "k")}) == Ids{"b", "b"});

  test.database.Do("DROP TABLE predictions; CREATE VIEW predictions AS SELECT 1 AS x");
  CheckError(test.TryOpen(), {"--save_to", "view"});
}

TEST_CASE("several servers that create the table at the same moment all start") {
  PostgresStoreRig test;
  for (int round = 0; round < 5; ++round) {
    test.database.Do("DROP TABLE IF EXISTS predictions");
    std::atomic<int> failed{0};
    std::vector<std::thread> servers;
    for (int i = 0; i < 4; ++i) {
      servers.emplace_back([&] {
        const auto store =
            PostgresStore::Create({test.database.url(), test.timeout, test.timeout}, test.clock);
        if (!store.ok()) ++failed;
      });
    }
    for (std::thread& server : servers) server.join();
    CHECK(failed == 0);
    test.Open();
    CHECK(test.Write("a").ok());
  }
}

TEST_CASE("a row in PostgreSQL that others broke is DATA_LOSS naming the column") {
  PostgresStoreRig test;
  test.Open();
  REQUIRE(test.Write("a").ok());
  test.database.Do("UPDATE predictions SET features = '{\"age\":'");
  const auto found = test.store->Find("a");
  CHECK(found.status().code() == absl::StatusCode::kDataLoss);
  CheckError(found.status(), {"'features'"});
}

TEST_CASE("finding in and writing to PostgreSQL go on at the same time") {
  PostgresStoreRig test;
  test.Open();
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
