// The client against a server that breaks every rule.
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/redis/client.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/scripted_redis.h"
#include "tests/unit/redis/answering_redis.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {
namespace {

struct Scene {
  Scene() { rig.loop.set_longest_sleep(absl::Microseconds(200)); }

  // Runs the loop and the server; time goes on by a step per turn.
  bool RunUntil(const std::function<bool()>& done) {
    return rig.loop.RunUntil([&] {
      server.Poll();
      clock.Advance(step);
      return done();
    });
  }
  // The same while time stands still.
  bool RunUntilNow(const std::function<bool()>& done) {
    return rig.loop.RunUntil([&] {
      server.Poll();
      return done();
    });
  }
  bool Up() {
    return RunUntil([this] { return rig.client.up(); });
  }
  // The commands have reached the server.
  bool Received(size_t bytes) {
    return RunUntilNow([&] { return server.received().size() >= bytes; });
  }
  // Everything is in order again: the next command gets its own answer.
  void CheckWorks() {
    REQUIRE(Up());
    const Answer& answer = rig.Ask({"GET", "after"});
    REQUIRE(RunUntilNow([&] { return server.received().find("after") != std::string::npos; }));
    server.Say("$5\r\nright\r\n");
    REQUIRE(RunUntilNow([&] { return answer.done; }));
    CHECK(answer.text == "right");
  }

  absl::Duration step = absl::Milliseconds(1);
  ScriptedRedis server;
  FakeClock clock;
  Rig rig{clock, server.address(), absl::Milliseconds(200)};
};

TEST_CASE("answers that come a byte at a time go to who asked") {
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& a = scene.rig.Ask({"GET", "a"});
  const Answer& b = scene.rig.Ask({"HMGET", "b", "x"});
  const Answer& c = scene.rig.Ask({"GET", "c"});
  REQUIRE(scene.Received(50));
  for (const char byte : std::string("$2\r\nAA\r\n*1\r\n$1\r\nB\r\n-WRONGTYPE c\r\n")) {
    scene.server.Say({&byte, 1});
    scene.rig.loop.RunTurn();
  }
  REQUIRE(scene.RunUntilNow([&] { return c.done; }));
  CHECK(a.text == "AA");
  CHECK(b.type == ReplyType::kArray);
  CHECK(c.type == ReplyType::kError);
  CHECK(c.text == "WRONGTYPE c");
  scene.CheckWorks();
}

TEST_CASE("a stream that is cut anywhere never gives one's answer to another") {
  const std::string stream = "$3\r\nAAA\r\n$3\r\nBBB\r\n$3\r\nCCC\r\n";
  for (size_t cut = 0; cut < stream.size(); ++cut) {
    CAPTURE(cut);
    Scene scene;
    REQUIRE(scene.Up());
    std::vector<const Answer*> answers;
    for (const char* key : {"a", "b", "c"}) answers.push_back(&scene.rig.Ask({"GET", key}));
    REQUIRE(scene.Received(60));
    scene.server.Say(stream.substr(0, cut));
    scene.server.Close();
    REQUIRE(scene.RunUntilNow([&] { return answers[2]->done; }));
    const char* values[] = {"AAA", "BBB", "CCC"};
    size_t lost = 0;
    for (size_t i = 0; i < 3; ++i) {
      if ((i + 1) * 9 <= cut) {
        CHECK(answers[i]->text == values[i]);
      } else {
        CHECK(answers[i]->code == absl::StatusCode::kUnavailable);
        ++lost;
      }
    }
    CHECK(scene.rig.Errors("unreachable") == static_cast<double>(lost));
    scene.CheckWorks();
    CHECK(scene.rig.Reconnects() == 1);
  }
}

TEST_CASE("a reply that nobody asked for never becomes the next command's answer") {
  Scene scene;
  REQUIRE(scene.Up());
  const std::string unasked = GENERATE("$5\r\nwrong\r\n", "-ERR out of the blue\r\n", "+OK\r\n",
                                       ">2\r\n+message\r\n+x\r\n");
  SECTION("said while idle") {
    scene.server.Say(unasked);
    const Answer& answer = scene.rig.Ask({"GET", "x"});
    REQUIRE(scene.RunUntilNow([&] { return answer.done; }));
    CHECK(answer.code == absl::StatusCode::kUnavailable);
  }
  SECTION("said behind an answer") {
    const Answer& answer = scene.rig.Ask({"GET", "x"});
    REQUIRE(scene.Received(20));
    scene.server.Say("$5\r\nright\r\n" + unasked);
    REQUIRE(scene.RunUntilNow([&] { return !scene.rig.client.up(); }));
    CHECK(answer.text == "right");
  }
  CHECK(scene.rig.Errors("garbage") == 1);
  scene.CheckWorks();
  CHECK(scene.server.connections() == 2);
}

TEST_CASE("garbage closes the connection, and what waits fails rather than getting it") {
  const std::string garbage =
      GENERATE(as<std::string>(), "hello\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
               "*1000000000\r\n$1\r\na\r\n", "$99999999999999999999\r\n", "$-5\r\n", "*-7\r\n",
               "$abc\r\n", ":12x\r\n", std::string("\0\0\0\0", 4), "\xff\xfe",
               "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
               "*2\r\n$1\r\na\r\n?\r\n");
  CAPTURE(garbage);
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& first = scene.rig.Ask({"GET", "a"});
  const Answer& second = scene.rig.Ask({"GET", "b"});
  const Answer& third = scene.rig.Ask({"GET", "c"});
  REQUIRE(scene.Received(60));
  scene.server.Say("$3\r\nAAA\r\n" + garbage);
  REQUIRE(scene.RunUntilNow([&] { return third.done; }));
  CHECK(first.text == "AAA");
  CHECK(second.code == absl::StatusCode::kUnavailable);
  CHECK(third.code == absl::StatusCode::kUnavailable);
  CHECK(scene.rig.Errors("garbage") == 1);
  CHECK(scene.rig.Errors("unreachable") == 2);
  scene.CheckWorks();
}

TEST_CASE("a line without end is garbage") {
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& answer = scene.rig.Ask({"GET", "a"});
  REQUIRE(scene.Received(20));
  scene.server.Say("+");
  REQUIRE(scene.RunUntilNow([&] {
    if (!answer.done) scene.server.Say(std::string(8192, 'x'));
    return answer.done;
  }));
  CHECK(scene.rig.Errors("garbage") == 1);
  scene.CheckWorks();
}

TEST_CASE("a value that is announced and never comes is a time-out") {
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& answer = scene.rig.Ask({"GET", "a"});
  REQUIRE(scene.Received(20));
  scene.server.Say("$1000000000\r\nabc");
  REQUIRE(scene.RunUntil([&] { return answer.done; }));
  CHECK(answer.code == absl::StatusCode::kDeadlineExceeded);
  CHECK(scene.rig.Errors("timeout") == 1);
  scene.CheckWorks();
}

TEST_CASE("a loop that is late reads what is there before it gives up") {
  Scene scene;
  REQUIRE(scene.Up());
  const Answer& answer = scene.rig.Ask({"GET", "a"});
  REQUIRE(scene.Received(20));
  scene.server.Say("$2\r\nin\r\n");
  scene.clock.Advance(absl::Seconds(5));
  scene.rig.loop.RunTurn();
  CHECK(answer.text == "in");
  CHECK(scene.rig.client.up());
  CHECK(scene.rig.Errors("timeout") == 0);
}

TEST_CASE("a server that accepts but never answers PING is down") {
  Scene scene;
  scene.step = absl::Milliseconds(10);
  scene.server.greeting = "";
  REQUIRE(scene.RunUntil([&] { return scene.server.connections() >= 3; }));
  CHECK_FALSE(scene.rig.client.up());
  CHECK(scene.rig.Errors("timeout") >= 2);
  CHECK(scene.rig.Reconnects() >= 2);
  scene.server.greeting = "+PONG\r\n";
  scene.CheckWorks();
}

TEST_CASE("a wrong answer to PING is garbage") {
  Scene scene;
  scene.server.greeting = GENERATE("$4\r\nPONG\r\n", "+OK\r\n", ":1\r\n", "*0\r\n", "PONG\r\n");
  REQUIRE(scene.RunUntil([&] { return scene.rig.Errors("garbage") >= 2; }));
  CHECK_FALSE(scene.rig.client.up());
  scene.server.greeting = "+PONG\r\n";
  scene.CheckWorks();
}

TEST_CASE("a server that is loading is waited for") {
  Scene scene;
  scene.server.greeting = GENERATE("-LOADING Redis is loading the dataset in memory\r\n",
                                   "-MASTERDOWN Link with MASTER is down\r\n",
                                   "-READONLY You can't write against a read only replica.\r\n");
  REQUIRE(scene.RunUntil([&] { return scene.rig.Errors("error") >= 3; }));
  CHECK_FALSE(scene.rig.client.up());
  scene.server.greeting = "+PONG\r\n";
  scene.CheckWorks();
}

TEST_CASE("a password required from one command to the next is answered with a new handshake") {
  Scene scene;
  scene.step = absl::Milliseconds(10);
  REQUIRE(scene.Up());
  const Answer& first = scene.rig.Ask({"GET", "a"});
  const Answer& second = scene.rig.Ask({"GET", "b"});
  REQUIRE(scene.Received(40));
  scene.server.greeting = "-NOAUTH Authentication required.\r\n";
  scene.server.Say("-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n");
  REQUIRE(scene.RunUntilNow([&] { return second.done; }));
  CHECK(first.code == absl::StatusCode::kOk);
  CHECK(first.text == "NOAUTH Authentication required.");
  CHECK(scene.rig.Errors("refused") == 2);
  CHECK_FALSE(scene.rig.client.up());
  REQUIRE(scene.RunUntil([&] { return scene.rig.Errors("refused") >= 4; }));
  scene.server.greeting = "+PONG\r\n";
  scene.CheckWorks();
}

TEST_CASE("an error to a write is counted as a write and answers nobody") {
  Scene scene;
  REQUIRE(scene.Up());
  scene.rig.client.Send({"SET", "a", "1"});
  const Answer& answer = scene.rig.Ask({"GET", "a"});
  scene.rig.client.Send({"SET", "b", "2"});
  REQUIRE(scene.Received(70));
  scene.server.Say("-OOM command not allowed\r\n$1\r\n0\r\n-MISCONF Redis is configured\r\n");
  REQUIRE(scene.RunUntilNow([&] { return scene.rig.Errors("write") == 2; }));
  CHECK(answer.text == "0");
  CHECK(scene.rig.Errors("error") == 0);
  scene.CheckWorks();
  CHECK(scene.rig.Reconnects() == 0);
}

TEST_CASE(
    "of several write commands one may be refused: that is one line, until none was for long") {
  const CapturedLog log;
  Scene scene;
  REQUIRE(scene.Up());
  constexpr absl::string_view kTaken = ":1\r\n";
  constexpr absl::string_view kRefused = "-NOPERM this user has no permissions\r\n";
  const auto write = [&](absl::string_view answer) {
    scene.rig.client.Send({"HDEL", "a", "x"});
    const Answer& last = scene.rig.Ask({"HSET", "a", "y", "1"});
    scene.rig.client.Send({"HSET", "a", "y", "1"});
    const size_t already = scene.server.received().size();
    REQUIRE(scene.Received(already + 90));
    scene.server.Say(absl::StrCat(answer, kTaken, kTaken));
    REQUIRE(scene.RunUntilNow([&] { return last.done && scene.rig.client.idle(); }));
  };
  for (int i = 0; i < 5; ++i) {
    write(kRefused);
    scene.clock.Advance(absl::Seconds(20));
  }
  CHECK(log.Count("redis refuses writes") == 1);
  CHECK(log.Count("redis takes writes again") == 0);
  scene.clock.Advance(absl::Minutes(1));
  write(kTaken);
  CHECK(log.Count("redis takes writes again") == 1);
}

TEST_CASE("a password that a server repeats is neither in the log nor in a caller's error") {
  const CapturedLog log;
  const FakeClock clock;
  AnsweringRedis server([](const std::vector<std::string>& words) {
    return words[0] == "PING" ? "+PONG\r\n"
                              : "-ERR unknown command 'AUTH', with args beginning with: '" +
                                    words.back() + "' \r\n";
  });
  Address address = server.address();
  address.password = "s3cretpw";
  address.user = GENERATE("", "app");
  Rig rig(clock, address, kPatient);
  rig.loop.set_longest_sleep(absl::Microseconds(200));
  REQUIRE(rig.loop.RunUntil([&] {
    server.Poll();
    return rig.Errors("refused") >= 1;
  }));
  const Answer& answer = rig.Ask({"GET", "a"});
  CHECK(answer.text.find("AUTH: ERR") != std::string::npos);
  CHECK(answer.text.find("s3cretpw") == std::string::npos);
  CHECK(log.Count("AUTH: ERR") == 1);
  CHECK(log.Count("s3cretpw") == 0);
}

TEST_CASE("a replica's refusal makes the client reconnect once in a while, not each time") {
  Scene scene;
  REQUIRE(scene.Up());
  int refused = 0;
  const auto refuse = [&] {
    REQUIRE(scene.Up());
    const size_t already = scene.server.received().size();
    scene.rig.client.Send({"SET", "a", "1"});
    REQUIRE(scene.Received(already + 20));
    scene.server.Say("-READONLY You can't write against a read only replica.\r\n");
    ++refused;
    REQUIRE(scene.RunUntilNow([&] { return scene.rig.Errors("write") == refused; }));
  };
  refuse();
  REQUIRE(scene.Up());
  CHECK(scene.rig.Reconnects() == 1);
  refuse();
  refuse();
  CHECK(scene.rig.client.up());
  CHECK(scene.rig.Reconnects() == 1);
  scene.clock.Advance(absl::Seconds(4));
  refuse();
  REQUIRE(scene.Up());
  CHECK(scene.rig.Reconnects() == 2);
  scene.CheckWorks();
}

TEST_CASE("the wait between attempts grows to its limit") {
  Scene scene;
  scene.step = absl::Milliseconds(10);
  scene.server.greeting = "garbage\r\n";
  REQUIRE(scene.RunUntil([&] { return scene.server.connections() >= 10; }));
  const absl::Time start = scene.clock.Now();
  REQUIRE(scene.RunUntil([&] { return scene.server.connections() >= 14; }));
  const absl::Duration four = scene.clock.Now() - start;
  CHECK(four >= absl::Seconds(2));
  CHECK(four <= absl::Seconds(5));
}

TEST_CASE("a server that answers PING and then hangs is not tried faster each time") {
  Scene scene;
  scene.step = absl::Milliseconds(10);
  int asked = 0;
  const absl::Time start = scene.clock.Now();
  while (asked < 8) {
    REQUIRE(scene.Up());
    const Answer& answer = scene.rig.Ask({"GET", "x"});
    ++asked;
    REQUIRE(scene.RunUntil([&] { return answer.done; }));
    CHECK(answer.code == absl::StatusCode::kDeadlineExceeded);
  }
  // Without back-off: eight time-outs of 200 ms and little else.
  CHECK(scene.clock.Now() - start > absl::Seconds(3));
  scene.CheckWorks();
}

TEST_CASE("commands that the socket does not take at once go out in order when it does") {
  Scene scene;
  REQUIRE(scene.Up());
  const std::string large(4 << 20, 'x');
  scene.rig.client.Send({"SET", "a", large});
  const Answer& answer = scene.rig.Ask({"GET", "last"});
  scene.rig.loop.RunTurn();
  REQUIRE(
      scene.RunUntilNow([&] { return scene.server.received().find("last") != std::string::npos; }));
  CHECK(scene.server.received().size() > large.size());
  scene.server.Say("+OK\r\n$2\r\nok\r\n");
  REQUIRE(scene.RunUntilNow([&] { return answer.done; }));
  CHECK(answer.text == "ok");
  CHECK(scene.rig.Errors("write") == 0);
}

}  // namespace
}  // namespace predictd::redis
