#include "server/redis/server_state.h"

#include <deque>
#include <memory>
#include <string>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/redis_server.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

using Health = ServerState::Health;
using Trouble = ServerState::Trouble;

TEST_CASE("of many clients the first that loses a server and the last that finds it are news") {
  const CapturedLog log;
  ServerState state("redis://cache:1");
  for (int i = 0; i < 3; ++i) state.Change(Health::kUnknown, Health::kUp, "");
  CHECK(log.Count("redis is up address=redis://cache:1") == 1);
  for (int i = 0; i < 3; ++i) state.Change(Health::kUp, Health::kDown, "gone");
  CHECK(log.Count("redis is down address=redis://cache:1 error=gone") == 1);
  state.Change(Health::kDown, Health::kUp, "");
  state.Change(Health::kDown, Health::kUp, "");
  CHECK(log.Count("redis is up") == 1);
  state.Change(Health::kDown, Health::kUp, "");
  CHECK(log.Count("redis is up") == 2);
}

TEST_CASE("a refusal is worse than a lost connection, and said once") {
  const CapturedLog log;
  ServerState state("redis://cache:1");
  for (int i = 0; i < 2; ++i) {
    state.Change(Health::kUnknown, Health::kDown, "closed");
    state.Change(Health::kDown, Health::kRefused, "NOAUTH");
  }
  CHECK(log.Count("redis is down") == 2);
  CHECK(log.Count("error=closed") == 1);
  CHECK(log.Count("error=NOAUTH") == 1);
  // One that ends is no news.
  state.Change(Health::kRefused, Health::kUnknown, "");
  state.Change(Health::kRefused, Health::kUnknown, "");
  CHECK(log.Count("redis is") == 2);
}

TEST_CASE("a trouble is said when it begins and when it is over") {
  const CapturedLog log;
  ServerState state("redis://cache:1");
  state.Note(Trouble::kRefusesWrites, "");
  CHECK(log.text().empty());
  for (int i = 0; i < 2; ++i) state.Note(Trouble::kRefusesWrites, "NOPERM");
  for (int i = 0; i < 2; ++i) state.Note(Trouble::kRefusesWrites, "");
  CHECK(log.Count("redis refuses writes address=redis://cache:1 error=NOPERM") == 1);
  CHECK(log.Count("redis takes writes again address=redis://cache:1") == 1);
}

TEST_CASE("servers have a state each, as long as somebody holds it") {
  const CapturedLog log;
  ServerStates states;
  auto a = states.For("redis://a:1");
  CHECK(states.For("redis://a:1") == a);
  CHECK(states.For("redis://b:1") != a);
  a->Change(Health::kUnknown, Health::kUp, "");
  a.reset();
  states.For("redis://a:1")->Change(Health::kUnknown, Health::kUp, "");
  CHECK(log.Count("redis is up address=redis://a:1") == 2);
}

TEST_CASE("clients of several loops write one line per change of their server") {
  RedisServer server;
  const CapturedLog log;
  SystemClock clock;
  SleepingLoop loop(clock);
  Metrics metrics;
  Resolver resolver;
  Watcher watcher;
  ServerStates states;
  const Address address = server.unix_address();
  std::deque<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(loop, watcher, resolver, metrics, address, absl::Seconds(10),
                         ClientOptions{.state = states.For(address.ToString())});
  }
  const auto all_up = [&] { return metrics.redis_up.Value() == 3; };
  REQUIRE(loop.RunUntil(all_up));
  server.Kill();
  REQUIRE(loop.RunUntil([&] { return metrics.redis_up.Value() == 0; }));
  server.Start();
  REQUIRE(loop.RunUntil(all_up));
  CHECK(log.Count("redis is up") == 2);
  CHECK(log.Count("redis is down") == 1);
}

}  // namespace
}  // namespace predictd::redis
