// The cluster client while servers of a real Redis Cluster die, hang and come back.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/redis/cluster_client.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/redis_cluster.h"
#include "tests/stores/redis_cluster/cluster_rig.h"

namespace predictd::redis {
namespace {

// Asks again and again until this text is the answer; how often it took.
int AsksUntil(ClusterRig& rig, const std::vector<std::string>& words, const std::string& text) {
  int asks = 0;
  const bool answered = rig.loop.RunUntil(
      [&] {
        ++asks;
        const Answer& answer = rig.Get(words);
        if (answer.code == absl::StatusCode::kOk && answer.text == text) return true;
        rig.loop.RunFor(absl::Milliseconds(10));
        return false;
      },
      ClusterRig::kPatience);
  REQUIRE(answered);
  return asks;
}

TEST_CASE("failover: a dead master's keys are misses until its replica has taken over") {
  RedisCluster cluster;
  SystemClock clock;
  ClusterRig rig(clock, *ParseAddress(cluster.url()), kPatient);
  REQUIRE(rig.RunUntilUp());
  REQUIRE(rig.Get({"SET", "key", "1"}).text == "OK");
  RedisServer& master = cluster.MasterOf("key");
  REQUIRE(master.Do({"WAIT", "1", "60000"}).integer() == 1);
  const CapturedLog log;
  master.Kill();
  const Answer& miss = rig.Get({"GET", "key"});
  CHECK(miss.code == absl::StatusCode::kUnavailable);
  // Nothing waits for anything meanwhile.
  CHECK(rig.Ask({"GET", "key"}).done);
  CHECK(AsksUntil(rig, {"GET", "key"}, "1") > 1);
  CHECK(rig.RunUntilUp());
  CHECK(rig.loop.RunUntil([&] { return rig.metrics.redis_up.Value() == 3; }, kPatient));
  CHECK(log.Count(absl::StrCat("redis is down address=redis://127.0.0.1:", master.port())) == 1);
  CHECK(log.Count(
            absl::StrCat("has no slots any more address=redis://127.0.0.1:", master.port())) == 1);

  // It comes back as a replica, and takes over again when its successor dies.
  cluster.WaitUntilWhole();
  CHECK(rig.Get({"GET", "key"}).text == "1");
  RedisServer& successor = cluster.MasterOf("key");
  CHECK(&successor != &master);
  REQUIRE(successor.Do({"WAIT", "1", "60000"}).integer() == 1);
  successor.Kill();
  CHECK(AsksUntil(rig, {"GET", "key"}, "1") > 1);
  CHECK(&cluster.MasterOf("key") == &master);
}

TEST_CASE("failover: a master that hangs costs one time-out, and its keys come back") {
  RedisCluster cluster;
  SystemClock clock;
  ClusterRig rig(clock, *ParseAddress(cluster.url()), absl::Milliseconds(300));
  REQUIRE(rig.RunUntilUp());
  // The time-out is one that a busy machine reaches, too.
  AsksUntil(rig, {"SET", "key", "1"}, "OK");
  RedisServer& master = cluster.MasterOf("key");
  REQUIRE(master.Do({"WAIT", "1", "60000"}).integer() == 1);
  master.Stop();
  CHECK(rig.Get({"GET", "key"}).code == absl::StatusCode::kDeadlineExceeded);
  // Others are told at once.
  CHECK(rig.loop.RunUntil([&] { return rig.Ask({"GET", "key"}).done; }));
  AsksUntil(rig, {"GET", "key"}, "1");
  master.Continue();
  cluster.WaitUntilWhole();
  AsksUntil(rig, {"GET", "key"}, "1");
}

TEST_CASE("failover: a cluster that is down at the start is found when it comes") {
  RedisCluster cluster;
  for (int i = 0; i < RedisCluster::kServers; ++i) cluster.server(i).Kill();
  SystemClock clock;
  ClusterRig rig(clock, *ParseAddress(cluster.url()), kPatient);
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("unreachable") >= 12; }));
  CHECK(rig.Get({"GET", "key"}).code == absl::StatusCode::kUnavailable);
  CHECK_FALSE(rig.client.up());
  // The seeds say at first that there is no slot map, or name masters that are not there.
  cluster.WaitUntilWhole();
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"SET", "key", "1"}).text == "OK");

  // And again, now that the client knows the servers.
  for (int i = 0; i < RedisCluster::kServers; ++i) cluster.server(i).Kill();
  REQUIRE(rig.loop.RunUntil([&] { return rig.metrics.redis_up.Value() == 0; }));
  cluster.WaitUntilWhole();
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"SET", "key", "2"}).text == "OK");
}

}  // namespace
}  // namespace predictd::redis
