// The cluster client against a real Redis Cluster.
#include "server/redis/cluster_client.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/redis_cluster.h"
#include "tests/stores/redis_cluster/cluster_rig.h"

namespace predictd::redis {
namespace {

// One for all tests, because it takes seconds to start; each leaves it whole.
RedisCluster& Cluster() {
  static RedisCluster cluster;
  return cluster;
}

Address ClusterAddress(const std::string& credentials = "") {
  return *ParseAddress(Cluster().url(credentials));
}

// How often servers have sent somebody elsewhere.
int64_t Redirections() {
  int64_t count = 0;
  for (int i = 0; i < RedisCluster::kServers; ++i) {
    const Reply info = Cluster().server(i).Do({"INFO", "errorstats"});
    for (const absl::string_view name : {"errorstat_MOVED:count=", "errorstat_ASK:count="}) {
      const size_t at = info.text().find(name);
      if (at != absl::string_view::npos) count += std::atoll(&info.text()[at + name.size()]);
    }
  }
  return count;
}

TEST_CASE("cluster: every key is written to and read from the server that has it") {
  SystemClock clock;
  ClusterRig rig(clock, ClusterAddress(), kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.metrics.redis_up.Value() >= 3);
  const int64_t before = Redirections();
  std::vector<const Answer*> answers;
  for (int i = 0; i < 3000; ++i) rig.client.Send({"SET", absl::StrCat("k", i), absl::StrCat(i)});
  for (int i = 0; i < 3000; ++i) answers.push_back(&rig.Ask({"GET", absl::StrCat("k", i)}));
  REQUIRE(rig.loop.RunUntil([&] { return answers.back()->done; }));
  for (int i = 0; i < 3000; ++i) {
    REQUIRE(rig.loop.RunUntil([&] { return answers[static_cast<size_t>(i)]->done; }));
    REQUIRE(answers[static_cast<size_t>(i)]->text == absl::StrCat(i));
  }
  CHECK(Redirections() == before);
  CHECK(rig.Errors("write") == 0);
  CHECK(rig.Errors("error") == 0);
}

TEST_CASE("cluster: keys with one hash tag live together") {
  SystemClock clock;
  ClusterRig rig(clock, ClusterAddress(), kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"SET", "features:{ann}", "1"}).text == "OK");
  CHECK(rig.Get({"SET", "other:{ann}", "2"}).text == "OK");
  // Refused where the keys are not in one slot.
  const Reply both = Cluster().MasterOf("ann").Do({"MGET", "features:{ann}", "other:{ann}"});
  REQUIRE(both.size() == 2);
  CHECK(both[0].text() == "1");
  CHECK(both[1].text() == "2");
}

TEST_CASE("cluster: one seed is enough, and one that is dead does no harm") {
  SystemClock clock;
  Address address = ClusterAddress();
  address.seeds = {{"127.0.0.1", 1}, {"localhost", Cluster().server(4).port()}};
  ClusterRig rig(clock, address, kPatient);
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"SET", "seed", "1"}).text == "OK");
  // The connection to a seed that is no master ends once all is well.
  CHECK(rig.loop.RunUntil([&] { return rig.metrics.redis_up.Value() == 3; }));
}

TEST_CASE("cluster: a slot that has moved is followed at once, and then known") {
  SystemClock clock;
  ClusterRig rig(clock, ClusterAddress(), kPatient);
  REQUIRE(rig.RunUntilUp());
  REQUIRE(rig.Get({"SET", "mover", "1"}).text == "OK");
  RedisServer& from = Cluster().MasterOf("mover");
  RedisServer& to = Cluster().OtherMaster("mover");
  RedisCluster::MoveSlot("mover", from, to);
  const int64_t before = Redirections();
  CHECK(rig.Get({"GET", "mover"}).text == "1");
  CHECK(Redirections() == before + 1);
  CHECK(rig.Get({"GET", "mover"}).text == "1");
  CHECK(Redirections() == before + 1);
  CHECK(rig.Errors("error") == 0);

  SECTION("a write that is redirected is dropped, counted, and the next one arrives") {
    RedisCluster::MoveSlot("mover", to, from);
    rig.client.Send({"SET", "mover", "2"});
    REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("write") == 1; }));
    REQUIRE(rig.loop.RunUntil(
        [&] {
          rig.client.Send({"SET", "mover", "3"});
          rig.loop.RunFor(absl::Milliseconds(50));
          return from.Do({"GET", "mover"}).text() == "3";
        },
        ClusterRig::kPatience));
  }
  Cluster().WaitUntilWhole();
}

TEST_CASE("cluster: while a slot is on its way each key is found where it is") {
  SystemClock clock;
  ClusterRig rig(clock, ClusterAddress(), kPatient);
  REQUIRE(rig.RunUntilUp());
  REQUIRE(rig.Get({"SET", "{way}left", "1"}).text == "OK");
  REQUIRE(rig.Get({"SET", "{way}gone", "2"}).text == "OK");
  RedisServer& from = Cluster().MasterOf("way");
  RedisServer& to = Cluster().OtherMaster("way");
  RedisCluster::BeginMove("way", from, to);
  RedisCluster::MoveKey("{way}gone", from, to);
  for (int i = 0; i < 3; ++i) {
    const Answer& left = rig.Ask({"GET", "{way}left"});
    const Answer& gone = rig.Ask({"GET", "{way}gone"});
    const Answer& none = rig.Ask({"GET", "{way}none"});
    REQUIRE(rig.loop.RunUntil([&] { return left.done && gone.done && none.done; }));
    CHECK(left.text == "1");
    CHECK(gone.text == "2");
    CHECK(none.code == absl::StatusCode::kOk);
    CHECK(none.type == ReplyType::kNil);
  }
  CHECK(rig.Errors("error") == 0);
  RedisCluster::MoveKey("{way}left", from, to);
  RedisCluster::EndMove("way", from, to);
  CHECK(rig.Get({"GET", "{way}left"}).text == "1");
  Cluster().WaitUntilWhole();
}

TEST_CASE("cluster: a user of the servers' access lists logs in on each") {
  Cluster().DoAll({"ACL", "SETUSER", "app", "on", ">s3cret", "~features:*", "+ping", "+get", "+set",
                   "+asking", "+cluster|slots"});
  SystemClock clock;
  ClusterRig rig(clock, ClusterAddress("app:s3cret@"), kPatient);
  REQUIRE(rig.RunUntilUp());
  for (int i = 0; i < 30; ++i) {
    const std::string key = absl::StrCat("features:", i);
    REQUIRE(rig.Get({"SET", key, "x"}).text == "OK");
    REQUIRE(rig.Get({"GET", key}).text == "x");
  }
  const Answer& refused = rig.Get({"GET", "others"});
  CHECK(refused.text.substr(0, 6) == "NOPERM");
  CHECK(rig.Errors("refused") == 1);

  ClusterRig stranger(clock, ClusterAddress("app:wrong@"), kPatient);
  REQUIRE(stranger.loop.RunUntil([&] { return stranger.Errors("refused") >= 3; }));
  CHECK(stranger.Get({"GET", "features:1"}).code == absl::StatusCode::kUnavailable);
  Cluster().DoAll({"ACL", "DELUSER", "app"});
}

TEST_CASE("cluster: a user who may not ask for the slots is told so") {
  Cluster().DoAll({"ACL", "SETUSER", "blind", "on", ">s3cret", "~*", "+ping", "+get"});
  const CapturedLog log;
  SystemClock clock;
  ClusterRig rig(clock, ClusterAddress("blind:s3cret@"), kPatient);
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("refused") >= 2; }));
  CHECK(rig.Get({"GET", "x"}).code == absl::StatusCode::kUnavailable);
  CHECK(log.Count("redis gives no slot map") >= 1);
  CHECK(log.Count("cluster|slots") >= 1);
  Cluster().DoAll({"ACL", "DELUSER", "blind"});
}

TEST_CASE("cluster: a server without cluster support is named in the log, once") {
  RedisServer alone({.tcp = true});
  const CapturedLog log;
  SystemClock clock;
  Address address;
  address.seeds = {{"127.0.0.1", alone.port()}};
  ClusterRig rig(clock, address, kPatient);
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("error") >= 3; }));
  CHECK(log.Count("this server has cluster support disabled: use redis://") == 1);
  CHECK(rig.Get({"GET", "x"}).code == absl::StatusCode::kUnavailable);
  rig.client.Send({"SET", "x", "y"});
  CHECK(rig.Errors("write") == 1);
}

}  // namespace
}  // namespace predictd::redis
