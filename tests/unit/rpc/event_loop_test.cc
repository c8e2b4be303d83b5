#include "server/rpc/event_loop.h"

#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/unit/rpc/tcp_connection.h"

namespace predictd::rpc {
namespace {

const SystemClock kClock;

// A loop on a thread of its own, with a queue of which no server knows.
class Rig {
 public:
  explicit Rig(bool rests)
      : loop(kClock, builder_.AddCompletionQueue(), rests), thread_([this] { loop.Run(); }) {}
  ~Rig() {
    loop.PostFunction([this] { loop.Shutdown(); });
    thread_.join();
  }

  // Runs `function` on the loop and waits for it.
  void OnLoop(const std::function<void()>& function) {
    absl::Notification done;
    loop.PostFunction([&] {
      function();
      done.Notify();
    });
    done.WaitForNotification();
  }

 private:
  grpc::ServerBuilder builder_;

 public:
  EventLoop loop;

 private:
  std::thread thread_;
};

class Alarm final : public Timer {
 public:
  void Expired() override { expired.Notify(); }
  absl::Notification expired;
};

void CheckTimer(Rig& rig) {
  Alarm alarm;
  rig.OnLoop([&] { rig.loop.Start(alarm, kClock.Now() + absl::Milliseconds(5)); });
  alarm.expired.WaitForNotification();
}

TEST_CASE("a loop that rests runs what is posted to it, and its timers") {
  Rig rig(true);
  for (int i = 0; i < 100; ++i) rig.OnLoop([] {});
  CheckTimer(rig);
}

TEST_CASE("a loop that rested runs what is posted to it, and its timers, once it serves") {
  Rig rig(true);
  rig.OnLoop([&] { rig.loop.Serve(); });
  for (int i = 0; i < 100; ++i) rig.OnLoop([] {});
  CheckTimer(rig);
}

TEST_CASE("a loop sends what a full socket did not take once its peer has read") {
  Rig rig(false);
  const TcpConnection connection;
  std::string sent;
  for (bool full = false; !full;) {
    rig.OnLoop([&] {
      const std::string bytes = std::to_string(sent.size()) + std::string(1000, ' ');
      for (int i = 0; i < 3 && !full; ++i) {
        const ssize_t size = connection.Send(bytes);
        full = size < 0;
        if (!full) sent += bytes.substr(0, size);
      }
    });
  }
  // Nobody writes any more, and the loop sleeps but for its timer.
  std::string read;
  for (int i = 0; read.size() < sent.size(); ++i) {
    REQUIRE(i < 10'000);
    absl::SleepFor(absl::Milliseconds(1));
    read += connection.Read();
  }
  CHECK(read == sent);
}

TEST_CASE("a loop can be shut down from another thread while it rests") {
  grpc::ServerBuilder builder;
  EventLoop loop(kClock, builder.AddCompletionQueue(), true);
  std::thread thread([&] { loop.Run(); });
  loop.Shutdown();
  thread.join();
}

}  // namespace
}  // namespace predictd::rpc
