// The cluster client against servers that break every rule.
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/redis/cluster_client.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/scripted_redis.h"
#include "tests/stores/redis_cluster/cluster_rig.h"

namespace predictd::redis {
namespace {

constexpr absl::string_view kAskSlots = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";
constexpr absl::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";
constexpr absl::string_view kGet = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";

std::string Bulk(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

// One range of a slot map; `host` is a whole reply.
std::string Range(int first, int last, const std::string& host, int port) {
  return absl::StrCat("*3\r\n:", first, "\r\n:", last, "\r\n*3\r\n", host, ":", port, "\r\n",
                      Bulk("id"));
}

// Two servers, the first of which is the seed.
struct Scene {
  Scene() {
    rig.loop.set_longest_sleep(absl::Microseconds(200));
    map = AllOf(servers[0]);
  }

  static std::string AllOf(const ScriptedRedis& server,
                           const std::string& host = Bulk("127.0.0.1")) {
    return "*1\r\n" + Range(0, kSlots - 1, host, server.address().port);
  }
  static Address SeedAddress(const ScriptedRedis& seed) {
    Address address;
    address.seeds = {{seed.address().host, seed.address().port}};
    return address;
  }
  // "-MOVED 12539 127.0.0.1:PORT\r\n"
  static std::string To(const ScriptedRedis& server, absl::string_view error = "MOVED") {
    return absl::StrCat("-", error, " ", KeySlot("key"), " 127.0.0.1:", server.address().port,
                        "\r\n");
  }

  // Runs the loop and the servers; time goes on by a step per turn.
  bool RunUntil(const std::function<bool()>& done) {
    return rig.loop.RunUntil(
        [&] {
          clock.Advance(step);
          for (ScriptedRedis& server : servers) {
            server.Poll();
            while (server.Take(kAskSlots)) {
              ++maps_given;
              server.Say(map);
            }
          }
          return done();
        },
        ClusterRig::kPatience);
  }
  bool Up() {
    return RunUntil([this] { return rig.client.up(); });
  }
  // The server answers the next GET.
  void Answer(int server, const std::string& reply) {
    ScriptedRedis& one = servers[static_cast<size_t>(server)];
    REQUIRE(RunUntil([&] { return one.Take(kGet); }));
    one.Say(reply);
  }
  void CheckWorks() {
    REQUIRE(Up());
    const redis::Answer& answer = rig.Ask({"GET", "key"});
    Answer(0, "$5\r\nright\r\n");
    REQUIRE(RunUntil([&] { return answer.done; }));
    CHECK(answer.text == "right");
  }

  absl::Duration step = absl::Microseconds(100);
  std::array<ScriptedRedis, 2> servers{ScriptedRedis(ScriptedRedis::On::kTcp),
                                       ScriptedRedis(ScriptedRedis::On::kTcp)};
  FakeClock clock;
  ClusterRig rig{clock, SeedAddress(servers[0]), absl::Seconds(5)};
  std::string map;
  int maps_given = 0;
};

TEST_CASE("servers that redirect to each other are followed five times") {
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& looped = scene.rig.Ask({"GET", "key"});
  int asked = 0;
  REQUIRE(scene.RunUntil([&] {
    for (size_t i = 0; i < 2; ++i) {
      if (!scene.servers[i].Take(kGet)) continue;
      ++asked;
      scene.servers[i].Say(Scene::To(scene.servers[1 - i]));
    }
    return looped.done;
  }));
  CHECK(asked == 6);
  CHECK(looped.code == absl::StatusCode::kUnavailable);
  CHECK(scene.rig.Errors("error") == 1);
  // The next slot maps put it right, and the other one is let go.
  scene.step = absl::Milliseconds(10);
  REQUIRE(scene.RunUntil([&] { return scene.rig.metrics.redis_up.Value() == 1; }));
  scene.CheckWorks();
}

TEST_CASE("a server that a redirection names for the first time is waited for, once") {
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& answer = scene.rig.Ask({"GET", "key"});
  SECTION("it answers") {
    scene.Answer(0, Scene::To(scene.servers[1]));
    scene.Answer(1, "$3\r\nnew\r\n");
    REQUIRE(scene.RunUntil([&] { return answer.done; }));
    CHECK(answer.text == "new");
  }
  SECTION("it hangs") {
    scene.step = absl::Milliseconds(20);
    scene.servers[1].greeting = "";
    scene.Answer(0, Scene::To(scene.servers[1], "ASK"));
    REQUIRE(scene.RunUntil([&] { return answer.done; }));
    CHECK(answer.code == absl::StatusCode::kUnavailable);
    REQUIRE(scene.RunUntil([&] { return scene.rig.Errors("timeout") == 1; }));
    const absl::Time start = scene.clock.Now();
    const Answer& next = scene.rig.Ask({"GET", "key"});
    scene.Answer(0, Scene::To(scene.servers[1], "ASK"));
    REQUIRE(scene.RunUntil([&] { return next.done; }));
    CHECK(next.code == absl::StatusCode::kUnavailable);
    CHECK(scene.clock.Now() - start < absl::Seconds(2));
  }
  CHECK(scene.rig.Errors("error") == 0);
}

TEST_CASE("ASKING and its command go to the named server back to back") {
  Scene scene;
  scene.map =
      absl::StrCat("*2\r\n", Range(0, 99, Bulk("127.0.0.1"), scene.servers[1].address().port),
                   Range(100, kSlots - 1, Bulk("127.0.0.1"), scene.servers[0].address().port));
  REQUIRE(scene.Up());
  const Answer& first = scene.rig.Ask({"GET", "key"});
  const Answer& second = scene.rig.Ask({"GET", "key"});
  ScriptedRedis& to = scene.servers[1];
  scene.Answer(0, Scene::To(to, "ASK"));
  REQUIRE(scene.RunUntil([&] { return scene.servers[0].Take(kGet); }));
  scene.servers[0].Say(Scene::To(to, "ASK"));
  const std::string pair = absl::StrCat(kAsking, kGet);
  REQUIRE(scene.RunUntil([&] { return to.received().size() >= 2 * pair.size(); }));
  CHECK(to.received() == pair + pair);
  REQUIRE(to.Take(pair + pair));
  to.Say("+OK\r\n$1\r\n1\r\n+OK\r\n$1\r\n2\r\n");
  REQUIRE(scene.RunUntil([&] { return second.done; }));
  CHECK(first.text == "1");
  CHECK(second.text == "2");
  CHECK(scene.rig.Errors("error") == 0);
  // The slot has not moved.
  scene.CheckWorks();
}

TEST_CASE("a redirection that leads nowhere is a miss") {
  Scene scene;
  REQUIRE(scene.Up());
  const std::string where =
      GENERATE(as<std::string>(), "-MOVED\r\n", "-MOVED 1\r\n", "-MOVED x 127.0.0.1:1\r\n",
               "-MOVED 99999 127.0.0.1:1\r\n", "-MOVED -1 127.0.0.1:1\r\n",
               "-MOVED 1 127.0.0.1\r\n", "-MOVED 1 127.0.0.1:0\r\n", "-MOVED 1 127.0.0.1:99999\r\n",
               "-ASK 1 a\tb:1\r\n", "-MOVED 12539 127.0.0.1:1\r\n", "-ASK 12539 127.0.0.1:1\r\n");
  CAPTURE(where);
  const Answer& answer = scene.rig.Ask({"GET", "key"});
  scene.Answer(0, where);
  REQUIRE(scene.RunUntil([&] { return answer.done; }));
  CHECK(answer.code == absl::StatusCode::kUnavailable);
  // The next slot map puts it right.
  scene.step = absl::Milliseconds(1);
  REQUIRE(scene.RunUntil([&] { return scene.maps_given >= 2; }));
  scene.CheckWorks();
}

TEST_CASE("a slot map that cannot be read is counted, said once, and asked for again") {
  const std::string garbage =
      GENERATE(as<std::string>(), "+OK\r\n", "$3\r\nabc\r\n", ":1\r\n", "$-1\r\n", "*1\r\n:1\r\n",
               "*1\r\n*2\r\n:0\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n",
               "*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n", "*1\r\n*3\r\n+0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
               "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
               "*1\r\n*3\r\n:2\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
               "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
               "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n",
               "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n",
               "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$3\r\na b\r\n:1\r\n",
               "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
  CAPTURE(garbage);
  const CapturedLog log;
  Scene scene;
  scene.step = absl::Milliseconds(1);
  scene.map = garbage;
  REQUIRE(scene.RunUntil([&] { return scene.rig.Errors("garbage") >= 4; }));
  CHECK_FALSE(scene.rig.client.up());
  CHECK(scene.rig.Get({"GET", "key"}).code == absl::StatusCode::kUnavailable);
  CHECK(log.Count("unreadable slot map") == 1);
  scene.map = Scene::AllOf(scene.servers[0]);
  scene.CheckWorks();
  CHECK(log.Count("redis gives a slot map again") == 1);
}

TEST_CASE("a slot map with more masters than a cluster can have is garbage") {
  Scene scene;
  scene.step = absl::Milliseconds(1);
  scene.map = "*1001\r\n";
  for (int i = 0; i < 1001; ++i) scene.map += Range(i, i, Bulk("127.0.0.1"), i + 1);
  REQUIRE(scene.RunUntil([&] { return scene.rig.Errors("garbage") >= 1; }));
  CHECK(scene.rig.metrics.redis_up.Value() == 1);
}

TEST_CASE("a server that knows of no slots, or not of all, is asked again with back-off") {
  Scene scene;
  scene.step = absl::Milliseconds(10);
  const bool none = GENERATE(true, false);
  scene.map =
      none ? "*0\r\n" : "*1\r\n" + Range(0, 99, Bulk("127.0.0.1"), scene.servers[0].address().port);
  REQUIRE(scene.RunUntil([&] { return scene.maps_given >= 8; }));
  const absl::Time start = scene.clock.Now();
  REQUIRE(scene.RunUntil([&] { return scene.maps_given >= 12; }));
  CHECK(scene.clock.Now() - start >= absl::Seconds(2));
  CHECK(scene.clock.Now() - start <= absl::Seconds(5));
  CHECK(scene.rig.Get({"GET", "key"}).code == absl::StatusCode::kUnavailable);
  scene.map = Scene::AllOf(scene.servers[0]);
  scene.CheckWorks();
}

TEST_CASE("a server that does not know its own name is where it was asked") {
  Scene scene;
  scene.map = Scene::AllOf(scene.servers[0],
                           GENERATE(as<std::string>(), "$0\r\n\r\n", "$1\r\n?\r\n", "$-1\r\n"));
  REQUIRE(scene.Up());
  CHECK(scene.rig.metrics.redis_up.Value() == 1);
  const Answer& answer = scene.rig.Ask({"GET", "key"});
  const std::string host = GENERATE("", "?");
  scene.Answer(0, absl::StrCat("-ASK 12539 ", host, ":", scene.servers[0].address().port, "\r\n"));
  REQUIRE(scene.RunUntil([&] { return scene.servers[0].Take(absl::StrCat(kAsking, kGet)); }));
  scene.servers[0].Say("+OK\r\n$1\r\n1\r\n");
  REQUIRE(scene.RunUntil([&] { return answer.done; }));
  CHECK(answer.text == "1");
}

TEST_CASE("a cluster that is down is no storm of questions") {
  Scene scene;
  scene.step = absl::Milliseconds(1);
  REQUIRE(scene.Up());
  const std::string error =
      GENERATE("-CLUSTERDOWN The cluster is down\r\n", "-TRYAGAIN Multiple keys\r\n",
               "-LOADING Redis is loading the dataset in memory\r\n");
  const int before = scene.maps_given;
  const absl::Time start = scene.clock.Now();
  for (int i = 0; i < 500; ++i) {
    const Answer& answer = scene.rig.Ask({"GET", "key"});
    scene.Answer(0, error);
    REQUIRE(scene.RunUntil([&] { return answer.done; }));
    CHECK(answer.type == ReplyType::kError);
  }
  CHECK(scene.maps_given - before <=
        2 + absl::ToInt64Milliseconds(scene.clock.Now() - start) / 100);
  CHECK(scene.rig.Errors("error") == 500);
  scene.CheckWorks();
}

TEST_CASE("while all is well the slot map is asked for every ten seconds") {
  Scene scene;
  REQUIRE(scene.Up());
  scene.step = absl::Milliseconds(20);
  REQUIRE(scene.RunUntil([&] { return scene.maps_given >= 3; }));
  const absl::Time start = scene.clock.Now();
  REQUIRE(scene.RunUntil([&] { return scene.maps_given >= 6; }));
  CHECK(scene.clock.Now() - start >= absl::Seconds(29));
  CHECK(scene.clock.Now() - start <= absl::Seconds(35));
}

TEST_CASE("a server that has left the map is let go when its last command is answered") {
  Scene scene;
  scene.step = absl::Milliseconds(1);
  REQUIRE(scene.Up());
  const Answer& answer = scene.rig.Ask({"GET", "key"});
  REQUIRE(scene.RunUntil([&] { return scene.servers[0].Take(kGet); }));
  scene.map = Scene::AllOf(scene.servers[1]);
  const int before = scene.maps_given;
  // Answers come in order: the map, which waits behind it, is asked of the one that is let go.
  scene.servers[0].Say("$5\r\nright\r\n");
  REQUIRE(scene.RunUntil([&] { return answer.done; }));
  CHECK(answer.text == "right");
  scene.step = absl::Milliseconds(20);
  REQUIRE(scene.RunUntil([&] { return scene.maps_given > before; }));
  const Answer& last = scene.rig.Ask({"GET", "key"});
  REQUIRE(scene.RunUntil([&] { return last.done || scene.servers[0].Take(kGet); }));
  if (!last.done) scene.servers[0].Say("$4\r\nlast\r\n");
  scene.step = absl::Milliseconds(1);
  REQUIRE(scene.RunUntil([&] { return last.done && scene.rig.client.up(); }));
  REQUIRE(scene.RunUntil([&] { return scene.rig.metrics.redis_up.Value() == 1; }));
  const Answer& next = scene.rig.Ask({"GET", "key"});
  scene.Answer(1, "$3\r\nnew\r\n");
  REQUIRE(scene.RunUntil([&] { return next.done; }));
  CHECK(next.text == "new");
}

}  // namespace
}  // namespace predictd::redis
