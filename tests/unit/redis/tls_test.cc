// The client and the invalidation channel over TLS, against a real redis-server.
#include "server/redis/tls.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/redis_server.h"
#include "tests/fakes/scripted_redis.h"
#include "tests/unit/redis/invalidation_rig.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

TlsFiles Ours(const Certificates& files) {
  return {files.File("ours-ca.pem"), files.File("ours.pem"), files.File("ours.key")};
}

Address WithTls(Address address, const TlsFiles& files) {
  address.tls = TlsContext::Create(files).value();
  return address;
}

Address TlsAddress(const RedisServer& server, const TlsFiles& files) {
  return WithTls(ParseAddress(server.tcp_url()).value(), files);
}

TEST_CASE("over TLS too, commands of one turn go out with one write, each with its answer") {
  const Certificates files;
  RedisServer server({.tcp = true, .tls = &files});
  SystemClock clock;
  Rig rig(clock, TlsAddress(server, Ours(files)), kPatient);
  REQUIRE(rig.RunUntilUp());
  const int64_t before = server.Info("total_reads_processed");
  std::vector<const Answer*> answers;
  for (int i = 0; i < 50; ++i) answers.push_back(&rig.Ask({"ECHO", absl::StrCat(i)}));
  REQUIRE(rig.loop.RunUntil([&] { return answers.back()->done; }));
  // One for the commands, one for INFO itself.
  CHECK(server.Info("total_reads_processed") - before == 2);
  for (int i = 0; i < 50; ++i) CHECK(answers[i]->text == absl::StrCat(i));
}

TEST_CASE("values of any bytes and many sizes come back over TLS as they were written") {
  const Certificates files;
  RedisServer server({.tcp = true, .tls = &files});
  SystemClock clock;
  Rig rig(clock, TlsAddress(server, Ours(files)), kPatient);
  REQUIRE(rig.RunUntilUp());
  for (const size_t size : {0, 1, 100, 16384, 65536, 3000000}) {
    std::string value(size, '\0');
    for (size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 131);
    CHECK(rig.Get({"SET", "key", value}).text == "OK");
    CHECK(rig.Get({"GET", "key"}).text == value);
  }
  CHECK(rig.Errors("unreachable") == 0);
}

TEST_CASE(
    "a server whose certificate does not verify, or that wants one, stays down: it says why") {
  const Certificates files;
  TlsFiles trusted = Ours(files);
  std::vector<std::string> arguments;
  std::string reason;
  SECTION("of another authority") {
    trusted.ca = files.File("theirs-ca.pem");
    reason = "the server's certificate does not verify: ";
  }
  SECTION("of none of the system's authorities") {
    trusted.ca = "";
    reason = "the server's certificate does not verify: ";
  }
  SECTION("for another host") {
    arguments = {"--tls-cert-file", files.File("elsewhere.pem"), "--tls-key-file",
                 files.File("elsewhere.key")};
    reason = "the server's certificate does not verify: IP address mismatch";
  }
  SECTION("without a certificate of the client's own") {
    trusted.cert = trusted.key = "";
    reason = "certificate required";
  }
  SECTION("with one of another authority") {
    trusted.cert = files.File("theirs.pem");
    trusted.key = files.File("theirs.key");
    reason = "unknown ca";
  }
  RedisServer server({.tcp = true, .tls = &files, .arguments = arguments});
  SystemClock clock;
  Rig rig(clock, TlsAddress(server, trusted), kPatient);
  REQUIRE(rig.loop.RunUntil([&] { return rig.Errors("unreachable") >= 2; }));
  CHECK_FALSE(rig.client.up());
  const Answer& answer = rig.Get({"GET", "x"});
  CHECK(answer.code == absl::StatusCode::kUnavailable);
  INFO(answer.text);
  CHECK(absl::StrContains(answer.text, "TLS: "));
  CHECK(absl::StrContains(answer.text, reason));
}

TEST_CASE("a host is verified by the name that the address has") {
  const Certificates files;
  RedisServer server({.tcp = true, .tls = &files});
  SystemClock clock;
  Address address = TlsAddress(server, Ours(files));
  address.host = "localhost";
  Rig rig(clock, address, kPatient);
  CHECK(rig.RunUntilUp());
}

TEST_CASE("a TLS server that is killed and comes back is connected to again") {
  const Certificates files;
  RedisServer server({.tcp = true, .tls = &files});
  SystemClock clock;
  Rig rig(clock, TlsAddress(server, Ours(files)), kPatient);
  REQUIRE(rig.RunUntilUp());
  server.Kill();
  REQUIRE(rig.RunUntilDown());
  server.Start();
  REQUIRE(rig.RunUntilUp());
  CHECK(rig.Get({"ECHO", "x"}).text == "x");
}

TEST_CASE("a server that never answers TLS' first message is waited for asleep, and given up") {
  ScriptedRedis server(ScriptedRedis::On::kTcp);
  FakeClock clock;
  Rig rig(clock, WithTls(server.address(), {}), kPatient);
  REQUIRE(rig.loop.RunUntil([&] {
    server.Poll();
    return !server.received().empty();
  }));
  rig.loop.set_longest_sleep(absl::Milliseconds(50));
  // What the socket did before may still wake it.
  bool slept = false;
  for (int i = 0; i < 10 && !slept; ++i) {
    while (rig.loop.RunTurn()) {
    }
    slept = !rig.loop.SleepOnce();
  }
  CHECK(slept);
  CHECK(rig.Errors("unreachable") == 0);
  clock.Advance(kPatient);
  CHECK(rig.loop.RunUntil([&] { return rig.Errors("unreachable") == 1; }));
}

TEST_CASE("changed keys are told over TLS, however many at once") {
  const Certificates files;
  RedisServer server({.tcp = true, .tls = &files});
  SystemClock clock;
  InvalidationRig rig(clock, TlsAddress(server, Ours(files)));
  REQUIRE(rig.RunUntilWorking());
  server.Do({"SET", "features:ann", "1"});
  REQUIRE(rig.RunUntilTold("features:ann"));
  // Several turns' worth of messages.
  server.Do({"EVAL", "for i = 1, 50000 do redis.call('SET', 'features:' .. i, '1') end", "0"});
  CHECK(rig.RunUntil([&] { return rig.keys.size() == 50001; }));
  CHECK(rig.lost.empty());
}

}  // namespace
}  // namespace predictd::redis
