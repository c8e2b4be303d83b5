// A real Redis Cluster of a test's own: three masters with a replica each.
#ifndef PREDICTD_TESTS_FAKES_REDIS_CLUSTER_H_
#define PREDICTD_TESTS_FAKES_REDIS_CLUSTER_H_

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/redis/key_slot.h"
#include "tests/fakes/redis_server.h"

namespace predictd {

// One thread, which outlives it. Throws where the servers do not do what is asked.
class RedisCluster {
 public:
  static constexpr int kMasters = 3;
  static constexpr int kServers = 2 * kMasters;

  RedisCluster() {
    for (int i = 0; i < kServers; ++i) {
      servers_.push_back(std::make_unique<RedisServer>(RedisServer::Options{
          .tcp = true,
          .cluster = true,
          // Longer than a busy machine keeps a server waiting.
          .arguments = {"--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0",
                        "--cluster-replica-validity-factor", "0"}}));
    }
    for (int i = 0; i < kServers; ++i) {
      server(i).Do({"CLUSTER", "SET-CONFIG-EPOCH", absl::StrCat(i + 1)});
      server(i).Do({"CLUSTER", "MEET", "127.0.0.1", absl::StrCat(server(0).port()),
                    absl::StrCat(server(0).bus_port())});
    }
    for (int i = 0; i < kMasters; ++i) {
      server(i).Do({"CLUSTER", "ADDSLOTSRANGE", absl::StrCat(i * redis::kSlots / kMasters),
                    absl::StrCat((i + 1) * redis::kSlots / kMasters - 1)});
    }
    WaitUntil("they know each other", [this] {
      for (const auto& one : servers_) {
        if (Info(*one, "cluster_known_nodes") != std::to_string(kServers)) return false;
      }
      return true;
    });
    for (int i = kMasters; i < kServers; ++i) {
      const std::string master = Id(server(i - kMasters));
      // Refused until the server has heard who is a master.
      WaitUntil("they have replicas", [&] {
        return server(i).Do({"CLUSTER", "REPLICATE", master}).text() == "OK";
      });
    }
    WaitUntilWhole();
  }

  RedisServer& server(int index) { return *servers_[static_cast<size_t>(index)]; }

  // What --feature_cache takes; `credentials` as in "user:password@".
  std::string url(const std::string& credentials = "") const {
    std::string url = "redis-cluster://" + credentials;
    for (const auto& one : servers_) absl::StrAppend(&url, "127.0.0.1:", one->port(), ",");
    url.pop_back();
    return url;
  }

  // Starts what was killed and waits until every slot has a master, each master a replica that has
  // its data, and all agree.
  void WaitUntilWhole() {
    for (const auto& one : servers_) one->Start();
    WaitUntil("the cluster is whole", [this] {
      std::string masters;
      for (const auto& one : servers_) {
        if (Info(*one, "cluster_state") != "ok" || Info(*one, "cluster_size") != "3") return false;
        if (!one->HasWholeLinks()) return false;
        const std::string seen = SlotOwners(*one);
        if (masters.empty()) masters = seen;
        if (seen != masters) return false;
      }
      return true;
    });
  }

  // The present master of the key's slot, as all that live agree.
  RedisServer& MasterOf(absl::string_view key) {
    for (const auto& one : servers_) {
      if (one->pid() <= 0) continue;
      // A master answers for its own slots only.
      const redis::Reply reply = one->Do({"GET", key});
      if (reply.error_code() != "MOVED" && reply.error_code() != "CLUSTERDOWN") return *one;
    }
    throw std::runtime_error("nobody has the key's slot");
  }
  // A master that has not this key.
  RedisServer& OtherMaster(absl::string_view key) {
    RedisServer& master = MasterOf(key);
    for (int i = 0; true; ++i) {
      RedisServer& other = MasterOf(absl::StrCat("other", i));
      if (&other != &master) return other;
    }
  }

  // One key's slot, with that key, as redis-cli does it: BeginMove, MoveKey for each, EndMove.
  static void MoveSlot(absl::string_view key, RedisServer& from, RedisServer& to) {
    BeginMove(key, from, to);
    MoveKey(key, from, to);
    EndMove(key, from, to);
  }
  static void BeginMove(absl::string_view key, RedisServer& from, RedisServer& to) {
    const std::string slot = absl::StrCat(redis::KeySlot(key));
    to.Do({"CLUSTER", "SETSLOT", slot, "IMPORTING", Id(from)});
    from.Do({"CLUSTER", "SETSLOT", slot, "MIGRATING", Id(to)});
  }
  static void MoveKey(absl::string_view key, RedisServer& from, RedisServer& to) {
    const redis::Reply moved =
        from.Do({"MIGRATE", "127.0.0.1", absl::StrCat(to.port()), key, "0", "60000"});
    if (moved.text() != "OK") throw std::runtime_error("the key did not move");
  }
  static void EndMove(absl::string_view key, RedisServer& from, RedisServer& to) {
    const std::string slot = absl::StrCat(redis::KeySlot(key));
    const std::string owner = Id(to);
    to.Do({"CLUSTER", "SETSLOT", slot, "NODE", owner});
    from.Do({"CLUSTER", "SETSLOT", slot, "NODE", owner});
  }

  static std::string Id(RedisServer& one) {
    return std::string(one.Do({"CLUSTER", "MYID"}).text());
  }

  // The command on each server.
  void DoAll(std::initializer_list<absl::string_view> command) {
    for (const auto& one : servers_) one->Do(command);
  }

 private:
  template <typename Condition>
  static void WaitUntil(absl::string_view what, const Condition& holds) {
    const absl::Time latest = absl::Now() + absl::Seconds(120);
    while (!holds()) {
      if (absl::Now() > latest) throw std::runtime_error(absl::StrCat("not so yet: ", what));
      absl::SleepFor(absl::Milliseconds(20));
    }
  }

  static std::string Info(RedisServer& one, absl::string_view name) {
    const redis::Reply info = one.Do({"CLUSTER", "INFO"});
    for (const absl::string_view line : absl::StrSplit(info.text(), "\r\n")) {
      const std::pair<absl::string_view, absl::string_view> field = absl::StrSplit(line, ':');
      if (field.first == name) return std::string(field.second);
    }
    return "";
  }

  // "0-5460:7000 ..."
  static std::string SlotOwners(RedisServer& one) {
    const redis::Reply slots = one.Do({"CLUSTER", "SLOTS"});
    std::string owners;
    for (size_t i = 0; i < slots.size(); ++i) {
      absl::StrAppend(&owners, slots[i][0].integer(), "-", slots[i][1].integer(), ":",
                      slots[i][2][1].integer(), "/", slots[i].size() - 3, " ");
    }
    return owners;
  }

  std::vector<std::unique_ptr<RedisServer>> servers_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_REDIS_CLUSTER_H_
