#include "server/sql/postgres_source.h"

#include <cmath>
#include <limits>

#include "tests/stores/postgres/postgres_rig.h"

namespace predictd {
namespace {

TEST_CASE("a row of PostgreSQL has its features in column order, its origin and its time") {
  PostgresRig rig(PostgresRig::Filled(
      "CREATE TABLE user_features (age int, user_id text PRIMARY KEY, score float8);"
      "INSERT INTO user_features VALUES (31, 'u1', 0.5), (32, 'u2', 1.5)"));
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.names() == std::vector<std::string>{"age", "score"});
  const absl::Time before = rig.clock.WallNow();
  const std::optional<FeatureRow> row = rig.Row("u2");
  REQUIRE(row.has_value());
  CHECK(std::vector<float>(row->values.begin(), row->values.end()) == std::vector<float>{32, 1.5F});
  CHECK(row->origin == FeatureOrigin::kSource);
  CHECK(row->schema->names() == rig.names());
  CHECK(row->read_at >= before);
  CHECK(row->read_at <= rig.clock.WallNow());
  CHECK(!rig.Has("u3"));
  CHECK(!rig.Has("U2"));
  CHECK(log.text() == "");
}

TEST_CASE("PostgreSQL's numbers and booleans are features, others are left out with one log line") {
  PostgresRig rig(PostgresRig::Filled(
      "CREATE DOMAIN share AS numeric(5, 2); CREATE DOMAIN yes AS boolean;"
      "CREATE TABLE user_features (user_id varchar(20) PRIMARY KEY, a int2, b int4, c int8, "
      "d float4, e float8, f numeric, g numeric(10, 2), h boolean, i share, j yes, name text, "
      "born date, seen timestamptz, doc jsonb, tags int[], price money, id uuid, raw bytea, "
      "k int GENERATED ALWAYS AS (b + 1) STORED);"
      "INSERT INTO user_features VALUES ('u', 1, 2, 3, 4.5, 5.5, 6.25, 7.5, true, 8.5, false, "
      "'n')"));
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.names() ==
        std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"});
  CHECK(rig.Values("u") == std::vector<float>{1, 2, 3, 4.5F, 5.5F, 6.25F, 7.5F, 1, 8.5F, 0, 3});
  CHECK(log.Count("left_out=") == 1);
  CHECK(log.Count("left_out=name,born,seen,doc,tags,price,id,raw") == 1);
}

TEST_CASE("what is NULL, not finite or too large in PostgreSQL is missing and the rest stays") {
  PostgresRig rig(PostgresRig::Filled(
      "CREATE TABLE user_features (user_id text PRIMARY KEY, a float8, b numeric, c float4, "
      "d int, e boolean);"
      "INSERT INTO user_features VALUES ('nulls', NULL, NULL, NULL, 1, NULL), "
      "('nans', 'NaN', 'NaN', 'NaN', 2, true), ('large', 1e300, 1e400, 3.4028234e38, 3, true), "
      "('infinite', 'Infinity', 'Infinity', '-Infinity', 4, true), "
      "('edges', -3.4028234663852886e38, 3.4028234663852886e38, 1e-45, 16777217, false)"));
  REQUIRE(rig.Open().ok());
  for (const char* user : {"nulls", "nans", "infinite"}) {
    const std::vector<float> values = rig.Values(user);
    for (const int i : {0, 1, 2}) CHECK(std::isnan(values[i]));
    CHECK(values[3] >= 1);
  }
  CHECK(std::isnan(rig.Values("nulls")[4]));
  const std::vector<float> large = rig.Values("large");
  CHECK(std::isnan(large[0]));
  CHECK(std::isnan(large[1]));
  CHECK(large[2] == std::numeric_limits<float>::max());
  const std::vector<float> edges = rig.Values("edges");
  CHECK(edges[0] == -std::numeric_limits<float>::max());
  CHECK(edges[1] == std::numeric_limits<float>::max());
  CHECK(edges[2] == std::numeric_limits<float>::denorm_min());
  CHECK(edges[3] == 16777216);
}

TEST_CASE("a user id matches only the canonical text of an integer key of PostgreSQL") {
  const std::string type = GENERATE("int2", "int4", "int8");
  PostgresRig rig(PostgresRig::Filled("CREATE TABLE user_features (user_id " + type +
                                      " PRIMARY KEY, x int);"
                                      "INSERT INTO user_features VALUES (42, 1), (0, 2), (-7, 3)"));
  REQUIRE(rig.Open().ok());
  CHECK(rig.Values("42") == std::vector<float>{1});
  CHECK(rig.Values("0") == std::vector<float>{2});
  CHECK(rig.Values("-7") == std::vector<float>{3});
  for (const char* id : {"042", " 42", "42 ", "+42", "-0", "4x", "x", "", "1e2", "42.0", "99999999",
                         "9223372036854775807", "9223372036854775808"}) {
    INFO(id);
    CHECK(!rig.Has(id));
  }
  CHECK(rig.Errors("error") == 0);
}

TEST_CASE("a user id matches only the canonical text of a text key of PostgreSQL") {
  const std::string type =
      GENERATE("text", "varchar(30)", "char(12)", "text COLLATE \"ignores case\"");
  PostgresRig rig(PostgresRig::Filled(
      "CREATE COLLATION \"ignores case\" (provider = icu, locale = 'und-u-ks-level2', "
      "deterministic = false);"
      "CREATE TABLE user_features (user_id " +
      type +
      " PRIMARY KEY, x int); INSERT INTO user_features VALUES ('042', 1), ('b''; --', 2), "
      "('ü', 3), ('', 4)"));
  REQUIRE(rig.Open().ok());
  CHECK(rig.Values("042") == std::vector<float>{1});
  CHECK(rig.Values("b'; --") == std::vector<float>{2});
  CHECK(rig.Values("ü") == std::vector<float>{3});
  for (const std::string& id :
       {std::string("42"), std::string("B'; --"), std::string("Ü"), std::string("042 "),
        std::string("\xff\xfe"), std::string("04\0002", 4), std::string(600, 'x')}) {
    INFO(id);
    CHECK(!rig.Has(id));
  }
  CHECK(rig.Errors("error") == 0);
}

TEST_CASE("a key or a feature may be a domain of a domain") {
  PostgresRig rig(PostgresRig::Filled(
      "CREATE DOMAIN word AS text; CREATE DOMAIN id AS word; CREATE DOMAIN whole AS int;"
      "CREATE DOMAIN age AS whole; CREATE TABLE user_features (user_id id PRIMARY KEY, age age);"
      "INSERT INTO user_features VALUES ('u', 7)"));
  REQUIRE(rig.Open().ok());
  CHECK(rig.names() == std::vector<std::string>{"age"});
  CHECK(rig.Values("u") == std::vector<float>{7});
}

TEST_CASE("a user id matches only the canonical text of a uuid key") {
  PostgresRig rig(PostgresRig::Filled(
      "CREATE TABLE user_features (user_id uuid PRIMARY KEY, x int);"
      "INSERT INTO user_features VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1)"));
  REQUIRE(rig.Open().ok());
  CHECK(rig.Has("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
  for (const char* id : {"A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
                         "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "u", "",
                         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"}) {
    CHECK(!rig.Has(id));
  }
  CHECK(rig.Errors("error") == 0);
}

TEST_CASE("views, schemas and names with quotes serve as tables of PostgreSQL") {
  const std::string url = PostgresRig::Filled(
      "CREATE SCHEMA analytics; CREATE TABLE analytics.people (id int PRIMARY KEY, born int);"
      "INSERT INTO analytics.people VALUES (1, 1990);"
      "CREATE VIEW analytics.users AS SELECT id AS user_id, 2020 - born AS age FROM "
      "analytics.people;"
      "CREATE MATERIALIZED VIEW kept AS SELECT * FROM analytics.users;"
      R"(CREATE TABLE "a ""table"".$1; --" ("the ""key""" text PRIMARY KEY, "select" int, )"
      R"("x'y" int, "row" int, "$1" int);)"
      R"(INSERT INTO "a ""table"".$1; --" VALUES ('u', 1, 2, 3, 4))");
  for (const char* view : {"analytics.users", "kept"}) {
    PostgresRig rig(url);
    rig.options.table = view;
    REQUIRE(rig.Open().ok());
    CHECK(rig.Values("1") == std::vector<float>{30});
  }
  PostgresRig rig(url);
  rig.options.table = "a \"table\".$1; --";
  rig.options.key_column = "the \"key\"";
  const absl::Status opened = rig.Open();
  INFO(opened.ToString());
  REQUIRE(opened.ok());
  CHECK(rig.names() == std::vector<std::string>{"select", "x'y", "row", "$1"});
  CHECK(rig.Values("u") == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("a key without an index in PostgreSQL is said in the log once") {
  PostgresRig rig(
      PostgresRig::Filled("CREATE TABLE user_features (user_id text, x int);"
                          "INSERT INTO user_features VALUES ('u', 1), ('u', 2)"));
  const CapturedLog log;
  REQUIRE(rig.Open().ok());
  CHECK(rig.Has("u"));
  CHECK(log.Count("scans the table") == 1);
}

TEST_CASE("a deadline that has passed does not reach PostgreSQL") {
  PostgresRig rig(PostgresRig::Filled("CREATE TABLE user_features (user_id text, x int)"));
  REQUIRE(rig.Open().ok());
  CHECK(absl::IsDeadlineExceeded(rig.Read("u", absl::ZeroDuration()).status()));
  CHECK(rig.Errors("timeout") == 0);
}

}  // namespace
}  // namespace predictd
