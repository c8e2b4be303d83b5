#include "server/redis/address.h"

#include <string>
#include <vector>

#include "tests/catch.h"

namespace predictd::redis {
namespace {

TEST_CASE("an address with everything is taken apart and decoded") {
  const auto address = ParseAddress("redis://us%65r:p%40ss%3A:x@cache.example:7000/3");
  REQUIRE(address.ok());
  CHECK(address->user == "user");
  CHECK(address->password == "p@ss::x");
  CHECK(address->host == "cache.example");
  CHECK(address->port == 7000);
  CHECK(address->database == 3);
  CHECK(address->unix_path.empty());
}

TEST_CASE("what an address leaves out has Redis' defaults") {
  const auto address = ParseAddress("redis://cache");
  REQUIRE(address.ok());
  CHECK(address->user.empty());
  CHECK(address->password.empty());
  CHECK(address->port == 6379);
  CHECK(address->database == 0);
}

TEST_CASE("a password alone, a database of nothing and an IPv6 address are accepted") {
  const auto address = ParseAddress("redis://:secret@[::1]/");
  REQUIRE(address.ok());
  CHECK(address->user.empty());
  CHECK(address->password == "secret");
  CHECK(address->host == "::1");
  CHECK(address->port == 6379);
  CHECK(ParseAddress("redis://[fe80::1]:6380/2")->port == 6380);
}

TEST_CASE("a Unix socket is a path") {
  const auto address = ParseAddress("unix:///run/redis/redis.sock");
  REQUIRE(address.ok());
  CHECK(address->unix_path == "/run/redis/redis.sock");
  CHECK(address->host.empty());
  CHECK(address->ToString() == "unix:///run/redis/redis.sock");
}

TEST_CASE("an address for the log has no password") {
  CHECK(ParseAddress("redis://user:secret@cache/2")->ToString() == "redis://cache:6379/2");
  CHECK(ParseAddress("redis://:secret@[::1]:1")->ToString() == "redis://[::1]:1");
}

TEST_CASE("a cluster has several servers, and one user and password for all") {
  const auto address = ParseAddress("redis-cluster://app:p,%40ss@a:7000,b,[::1]:7001/");
  REQUIRE(address.ok());
  REQUIRE(address->is_cluster());
  CHECK(address->seeds == std::vector<HostAndPort>{{"a", 7000}, {"b", 6379}, {"::1", 7001}});
  CHECK(address->ToString() == "redis-cluster://a:7000,b:6379,[::1]:7001");
  const Address node = address->Node({"c", 7002});
  CHECK_FALSE(node.is_cluster());
  CHECK(node.host == "c");
  CHECK(node.port == 7002);
  CHECK(node.user == "app");
  CHECK(node.password == "p,@ss");
  CHECK_FALSE(ParseAddress("redis://a")->is_cluster());
}

TEST_CASE("what only one server has is refused for a cluster, and the other way round") {
  const auto database = ParseAddress("redis-cluster://a:1,b:2/0");
  CHECK(database.status().message().find("no numbered databases") != absl::string_view::npos);
  const auto servers = ParseAddress("redis://a:1,b:2");
  CHECK(servers.status().message().find("several are redis-cluster://") != absl::string_view::npos);
}

TEST_CASE("TLS is asked for by the scheme, of one server or of a cluster") {
  const auto one = ParseAddress("rediss://:secret@cache/2");
  REQUIRE(one.ok());
  CHECK(one->tls != nullptr);
  CHECK(one->host == "cache");
  CHECK(one->port == 6379);
  CHECK(one->ToString() == "rediss://cache:6379/2");
  const auto cluster = ParseAddress("rediss-cluster://a,b:7000");
  REQUIRE(cluster.ok());
  CHECK(cluster->Node({"c", 7002}).tls == cluster->tls);
  CHECK(cluster->ToString() == "rediss-cluster://a:6379,b:7000");
  CHECK(ParseAddress("redis://cache")->tls == nullptr);
  CHECK(ParseAddress("redis-cluster://a,b")->tls == nullptr);
}

TEST_CASE("the files for TLS are those that are read, and only with TLS") {
  const TlsFiles none{.ca = "/none/ca.pem"};
  const absl::Status missing = ParseAddress("rediss://cache", none).status();
  CHECK(missing.message().find("--feature_cache_ca: /none/ca.pem") == 0);
  CHECK(ParseAddress("redis://cache", none).ok());
}

TEST_CASE("a wrong address is refused without showing the password") {
  const std::string url = GENERATE(
      as<std::string>(), "", "cache:6379", "http://cache", "redis://", "redis:///1",
      "redis://secret@cache", "redis://user:@cache", "redis://:secret%@cache",
      "redis://:secret%4@cache", "redis://:secret%zz@cache", "redis://:secret@cache:0",
      "redis://:secret@cache:65536", "redis://:secret@cache:", "redis://:secret@cache:+1",
      "redis://:secret@cache:1 ", "redis://:secret@cache/x", "redis://:secret@cache/-1",
      "redis://:secret@cache/1/2", "redis://:secret@cache?db=1", "redis://:secret@[::1",
      "redis://:secret@[::1]6379", "redis://:secret@::1", "redis://:secret@", "unix://",
      "unix:path", "unix://relative", "unix:///" + std::string(108, 'x'),
      std::string("unix:///a\0b", 11), "redis-cluster://", "redis-cluster:///",
      "redis-cluster://:secret@", "redis-cluster://:secret@a,", "redis-cluster://:secret@,a",
      "redis-cluster://:secret@a:1,,b:2", "redis-cluster://:secret@a:1 b:2",
      "redis-cluster://:secret@a:1,b:x", "redis-cluster://:secret@a/1",
      "redis-cluster://:secret@a/1,b", "redis-cluster://unix:///path", "rediss:/cache",
      "redisss://cache", "rediss-cluster-cluster://a", "-cluster://a", "redis://:secret@a,b",
      "redis://:secret@a:1,b:2/3");
  CAPTURE(url);
  const auto address = ParseAddress(url);
  REQUIRE(absl::IsInvalidArgument(address.status()));
  const std::string message(address.status().message());
  CHECK(message.find("--feature_cache: ") == 0);
  CHECK(message.find("write redis://") != std::string::npos);
  CHECK(message.find("secret") == std::string::npos);
}

}  // namespace
}  // namespace predictd::redis
