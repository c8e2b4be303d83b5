// Keys of Redis that hold something else than a row.
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/fakes/redis_server.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

// A row is written back, and garbage counted, once: not where Redis is given up for being late.
std::vector<std::string> CacheFlags(const RedisServer& redis,
                                    const std::string& encoding = "packed") {
  return {"--feature_cache=" + redis.unix_url(), "--feature_cache_encoding=" + encoding,
          "--feature_cache_timeout=10s"};
}

std::string Key(int user) { return "features:u" + std::to_string(user); }

// A row as the server packed it, once it has written one.
std::string PackedRow(RedisServer& redis, PredictdProcess& predictd, int user) {
  REQUIRE(predictd.Predict("u" + std::to_string(user)).ok());
  std::string value;
  REQUIRE(WaitUntil([&] {
    value = std::string(redis.Do({"GET", Key(user)}).text());
    return !value.empty();
  }));
  return value;
}

// Asks for the user, whose key does not hold a row: the answer comes from the source all the same.
void CheckMiss(PredictdProcess& predictd, int user) {
  v1::PredictRequest request;
  AskForUser(user, request);
  const auto answer = predictd.Predict(request);
  REQUIRE(answer.ok());
  CHECK(OwnRow(request, answer.response).empty());
  CHECK(answer.response.feature_origin() == v1::FEATURE_ORIGIN_SOURCE);
}

TEST_CASE("A packed value that is no row is a miss, counted, and overwritten by a row") {
  RedisServer redis;
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(redis)));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  const std::string row = PackedRow(redis, predictd, 0);

  std::vector<std::string> values = {"", "x", "a row", row.substr(1), row + '\0'};
  values.push_back(row.substr(0, row.size() - 4));  // a feature less
  values.emplace_back(1 << 20, 'x');
  std::string other_schema = row;
  other_schema[0] ^= 1;
  values.push_back(other_schema);
  std::string infinite = row;
  std::memcpy(&infinite[16], "\0\0\x80\x7f", 4);
  values.push_back(infinite);
  std::mt19937 random(20);
  for (int i = 0; i < 40; ++i) {
    std::string noise(random() % 64, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    values.push_back(noise);
  }

  for (size_t i = 0; i < values.size(); ++i) {
    const int user = static_cast<int>(i) + 1;
    redis.Do({"SET", Key(user), values[i]});
    INFO("value " << i);
    CheckMiss(predictd, user);
    REQUIRE(WaitUntil([&] {
      return redis.Do({"STRLEN", Key(user)}).integer() == static_cast<int64_t>(row.size());
    }));
    CHECK(redis.Do({"GET", Key(user)}).text().substr(0, 8) == row.substr(0, 8));
    CHECK(predictd.Predict("u" + std::to_string(user)).response.feature_origin() ==
          v1::FEATURE_ORIGIN_REDIS);
  }
  CHECK(StoreErrors(predictd, "redis", "garbage") == static_cast<double>(values.size()));
  CheckSteady(predictd);
}

TEST_CASE("Garbage under a key stays where there is no row to put in its place") {
  RedisServer redis;
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(redis)));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  redis.Do({"SET", "features:nobody", "garbage"});
  CHECK(predictd.Predict("nobody").code() == grpc::StatusCode::NOT_FOUND);
  CHECK(redis.Do({"GET", "features:nobody"}).text() == "garbage");
  CHECK(StoreErrors(predictd, "redis", "garbage") == 1);
  CheckSteady(predictd);
}

TEST_CASE("A key of another type is a miss, counted, and never touched") {
  RedisServer redis;
  const Rig rig;
  const std::string encoding = GENERATE("packed", "hash");
  INFO(encoding);
  PredictdProcess predictd(rig.Flags(CacheFlags(redis, encoding)));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  redis.Do({"RPUSH", Key(1), "a", "b"});
  if (encoding == "packed") {
    redis.Do({"HSET", Key(2), "f0", "1"});
  } else {
    redis.Do({"SET", Key(2), "1"});
  }
  redis.Do({"ZADD", Key(3), "1", "a"});
  for (int round = 0; round < 3; ++round) {
    for (int user = 1; user <= 3; ++user) CheckMiss(predictd, user);
  }
  // Neither by a caller who wants the newest row, which is written back unseen.
  v1::PredictRequest newest;
  newest.set_user_id("u1");
  newest.mutable_max_feature_age();
  CHECK(predictd.Predict(newest).ok());
  CHECK(predictd.WaitForMetric(R"(predictd_feature_errors_total{store="redis",kind="wrong_type"})",
                               10));

  CHECK(redis.Do({"LLEN", Key(1)}).integer() == 2);
  CHECK(redis.Do({"PTTL", Key(1)}).integer() == -1);
  CHECK(redis.Do({"TYPE", Key(2)}).text() == (encoding == "packed" ? "hash" : "string"));
  CHECK(redis.Do({"PTTL", Key(2)}).integer() == -1);
  CHECK(redis.Do({"ZCARD", Key(3)}).integer() == 1);
  CHECK(redis.Do({"PTTL", Key(3)}).integer() == -1);
  CheckSteady(predictd);
}

TEST_CASE("A hash whose fields are no numbers is a miss, counted, and repaired by the next fill") {
  RedisServer redis;
  const Rig rig;
  PredictdProcess predictd(rig.Flags(CacheFlags(redis, "hash")));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.WaitForMetric("predictd_redis_up", 2));
  const std::vector<std::string> values = {"",     "x",    "1x", "nan", "inf",
                                           "-inf", "1e99", " 1", "0x1"};
  for (size_t i = 0; i < values.size(); ++i) {
    const int user = static_cast<int>(i) + 1;
    redis.Do({"HSET", Key(user), "f0", "1", "f1", values[i], "other", "kept"});
    INFO("'" << values[i] << "'");
    CheckMiss(predictd, user);
    CHECK(WaitForOrigin(predictd, v1::FEATURE_ORIGIN_REDIS));
    CHECK(WaitUntil([&] {
      return redis.Do({"HGET", Key(user), "f1"}).text() == std::to_string(10 * user + 1);
    }));
    CHECK(redis.Do({"HGET", Key(user), "other"}).text() == "kept");
  }
  CHECK(LogLines(predictd, "field 'f1' of a hash is no decimal number") == 1);
  CHECK(StoreErrors(predictd, "redis", "garbage") == static_cast<double>(values.size()));
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
