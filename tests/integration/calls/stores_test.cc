// Which rows are found, and how: keys, columns, encodings, and Redis without a source.
#include <google/protobuf/timestamp.pb.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/harness/answers.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

// FNV-1a over the names joined by newlines, as the stored format has it.
uint64_t Fingerprint(const std::string& names) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : names) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

template <typename Value>
void AppendBytes(Value value, std::string& out) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out.append(bytes, sizeof(value));
}

std::string Packed(const std::string& names, absl::Time read_at, const std::vector<float>& values) {
  std::string packed;
  AppendBytes(Fingerprint(names), packed);
  AppendBytes(absl::ToUnixMillis(read_at), packed);
  for (const float value : values) AppendBytes(value, packed);
  return packed;
}

// Of project proj, join key user_id of type STRING.
std::string FeastKey(const std::string& user_id) {
  constexpr uint32_t kString = 2;
  std::string key;
  AppendBytes(uint32_t{1}, key);
  for (const std::string& text : {std::string("user_id"), user_id}) {
    AppendBytes(kString, key);
    AppendBytes(static_cast<uint32_t>(text.size()), key);
    key += text;
  }
  return key + "proj";
}

TEST_CASE("a user id finds its row in canonical text only, and other columns are left out") {
  ModelRepository repository;
  ModelSpec spec = Identity(2);
  spec.signature.mutable_features(0)->set_name("age");
  spec.signature.mutable_features(1)->set_name("active");
  repository.Add("m", 1, spec);
  const TempFolder folder;
  const std::string file = folder.File("shop.db");
  Sql(file,
      "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, age REAL, photo BLOB, "
      "active BOOLEAN);"
      "INSERT INTO customers VALUES (42, 'Ann', 33.5, x'00', 1), (7, 'Bob', 20, NULL, 0);"
      "CREATE VIEW people AS SELECT * FROM customers");
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=sqlite:" + file,
                          "--feature_table=people", "--feature_key=id"});
  REQUIRE(server.WaitUntilReady());
  CHECK(Outputs(server.Predict("42").response) == std::vector<float>{33.5, 1});
  CHECK(Outputs(server.Predict("7").response) == std::vector<float>{20, 0});
  for (const char* other : {"042", "42.0", "4.2e1", " 42", "42 ", "+42", "0x2A", "Ann"}) {
    INFO(other);
    CHECK(server.Predict(other).code() == grpc::NOT_FOUND);
  }
  CHECK(server.Log().find("name") != std::string::npos);
  CHECK(server.Log().find("photo") != std::string::npos);
}

TEST_CASE("hashes are read while a source that was away at the start has not told its columns") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  RedisServer redis;
  redis.Do({"HSET", "features:anna", "f1", "-2.5", "f0", "7"});
  PredictdProcess server({"--models=" + repository.path(), "--feature_cache=" + redis.unix_url(),
                          "--feature_source=postgresql://127.0.0.1:1/none",
                          "--feature_cache_encoding=hash", "--feature_cache_timeout=10s"});
  REQUIRE(server.WaitUntilReady());
  const auto answer = server.Predict("anna");
  INFO(answer.message());
  REQUIRE(answer.ok());
  CHECK(Outputs(answer.response) == std::vector<float>{7, -2.5});
  CHECK(answer.response.feature_origin() == v1::FEATURE_ORIGIN_REDIS);
  CHECK(server.Predict("bob").code() == grpc::UNAVAILABLE);
}

TEST_CASE("hashes that another program writes are read without a source, and have no age") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  RedisServer redis;
  redis.Do({"HSET", "user/anna", "f1", "-2.5e0", "f0", "7", "more", "text"});
  PredictdProcess server({"--models=" + repository.path(), "--feature_cache=" + redis.unix_url(),
                          "--feature_cache_encoding=hash", "--feature_cache_prefix=user/",
                          "--feature_cache_timeout=10s"});
  REQUIRE(server.WaitUntilReady());
  const auto answer = server.Predict("anna");
  INFO(answer.message());
  REQUIRE(answer.ok());
  CHECK(Outputs(answer.response) == std::vector<float>{7, -2.5});
  CHECK(answer.response.feature_origin() == v1::FEATURE_ORIGIN_REDIS);
  CHECK_FALSE(answer.response.has_feature_age());
  CHECK(server.Predict("bert").code() == grpc::NOT_FOUND);
  v1::PredictRequest dated;
  dated.set_user_id("anna");
  dated.mutable_max_feature_age()->set_seconds(3600);
  CHECK(server.Predict(dated).code() == grpc::FAILED_PRECONDITION);
}

TEST_CASE("packed values that another program writes are read by --feature_names") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  RedisServer redis;
  // Columns in an order of their own, with one that the model does not want.
  const std::string names = "f1\nother\nf0";
  redis.Do({"SET", "features:anna", Packed(names, absl::Now() - absl::Minutes(10), {1, 2, 3})});
  redis.Do({"SET", "features:bert", Packed("f0\nf1", absl::Now(), {1, 2})});
  PredictdProcess server({"--models=" + repository.path(), "--feature_cache=" + redis.unix_url(),
                          "--feature_names=f1,other,f0", "--feature_cache_timeout=10s"});
  REQUIRE(server.WaitUntilReady());
  const auto answer = server.Predict("anna");
  INFO(answer.message());
  REQUIRE(answer.ok());
  CHECK(Outputs(answer.response) == std::vector<float>{3, 1});
  CHECK(answer.response.feature_age().seconds() >= 600);
  CHECK(answer.response.feature_age().seconds() < 1200);
  // Another schema is a miss, counted.
  CHECK(server.Predict("bert").code() == grpc::NOT_FOUND);
  CHECK(server.Metrics().Sum(R"(predictd_feature_errors_total{store="redis"})") == 1);
}

TEST_CASE("what the server writes to Redis is packed as documented") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(3, 2);
  RedisServer redis;
  const absl::Time before = absl::Now() - absl::Milliseconds(1);
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--feature_cache=" + redis.unix_url(), "--feature_cache_prefix=p:",
                          "--feature_cache_ttl=1h", "--feature_cache_timeout=10s"});
  REQUIRE(server.WaitUntilReady());
  REQUIRE(server.Predict("u2").ok());
  REQUIRE(WaitUntil([&] { return redis.Do({"EXISTS", "p:u2"}).integer() == 1; }));
  const redis::Reply reply = redis.Do({"GET", "p:u2"});
  const std::string value(reply.text());
  REQUIRE(value.size() == 24);
  const std::string expected = Packed("f0\nf1", before, {20, 21});
  CHECK(value.substr(0, 8) == expected.substr(0, 8));
  CHECK(value.substr(16) == expected.substr(16));
  int64_t read_at = 0;
  std::memcpy(&read_at, value.data() + 8, sizeof(read_at));
  CHECK(read_at >= absl::ToUnixMillis(before));
  CHECK(read_at <= absl::ToUnixMillis(absl::Now()));
  CHECK(redis.Do({"PTTL", "p:u2"}).integer() <= 3'600'000);
}

TEST_CASE("with --feature_cache_ttl=0 Redis is read and never written to") {
  ModelRepository repository;
  repository.Add("m", 1, Identity(2));
  const FeatureTable table(3, 2);
  RedisServer redis;
  redis.Do({"SET", "features:u0", Packed("f0\nf1", absl::Now(), {5, 6})});
  PredictdProcess server({"--models=" + repository.path(), "--feature_source=" + table.source(),
                          "--feature_cache=" + redis.unix_url(), "--feature_cache_ttl=0",
                          "--feature_cache_timeout=10s", "--local_cache_mb=0", "--event_loops=1"});
  REQUIRE(server.WaitUntilReady());
  REQUIRE(server.WaitForMetric("predictd_redis_up", 1));
  const auto from_redis = server.Predict("u0");
  CHECK(Outputs(from_redis.response) == std::vector<float>{5, 6});
  CHECK(from_redis.response.feature_origin() == v1::FEATURE_ORIGIN_REDIS);
  // What was written behind one answer would be there for the next.
  for (int i = 0; i < 10; ++i) {
    const auto answer = server.Predict("u2");
    CHECK(Outputs(answer.response) == std::vector<float>{20, 21});
    CHECK(answer.response.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
  }
  CHECK(redis.Do({"DBSIZE"}).integer() == 1);
}

TEST_CASE("a Feast store is read by the names in the models' signatures") {
  ModelRepository repository;
  ModelSpec spec = Identity(1);
  spec.signature.mutable_features(0)->set_name("age");
  repository.Add("m", 1, spec);
  RedisServer redis;
  // Feature user_stats:age, a float.
  const std::string age("\xe9\x2b\xa6\xd5", 4);
  std::string value("\x35");
  AppendBytes(41.5F, value);
  google::protobuf::Timestamp made;
  made.set_seconds(absl::ToUnixSeconds(absl::Now() - absl::Minutes(10)));
  redis.Do({"HSET", FeastKey("anna"), age, value, "_ts:user_stats", made.SerializeAsString()});
  PredictdProcess server({"--models=" + repository.path(), "--feature_cache=" + redis.unix_url(),
                          "--feature_cache_encoding=feast", "--feast_project=proj",
                          "--feast_entity_key=user_id", "--feast_view=user_stats",
                          "--feature_cache_timeout=10s"});
  REQUIRE(server.WaitUntilReady());
  const auto answer = server.Predict("anna");
  INFO(answer.message());
  REQUIRE(answer.ok());
  CHECK(Outputs(answer.response) == std::vector<float>{41.5});
  CHECK(answer.response.feature_origin() == v1::FEATURE_ORIGIN_REDIS);
  CHECK(answer.response.feature_age().seconds() >= 600);
  CHECK(answer.response.feature_age().seconds() < 1200);
  CHECK(server.Predict("bert").code() == grpc::NOT_FOUND);
  CHECK(redis.Do({"DBSIZE"}).integer() == 1);
}

}  // namespace
}  // namespace predictd::integration
