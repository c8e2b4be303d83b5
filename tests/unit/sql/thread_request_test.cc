#include "server/sql/thread_request.h"

#include <memory>
#include <optional>

#include "server/async/scope.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd {
namespace {

class Request : public ThreadRequest<int> {
 public:
  Request(Loop& loop, int& alive) : ThreadRequest(loop), alive_(alive) { ++alive_; }
  ~Request() override { --alive_; }

 private:
  int& alive_;
};

Task<void> Ask(Request* request, Loop& loop, absl::Time deadline, std::optional<int>& answer,
               bool& resumed) {
  ThreadAnswer<int> waiting(*request, loop, deadline);
  answer = co_await waiting;
  resumed = true;
}

struct Test {
  FakeClock clock;
  ManualLoop loop{clock};
  int alive = 0;
  std::optional<int> answer;
  bool resumed = false;
  Scope scope;
  Request* request = new Request(loop, alive);

  void Start() { scope.Spawn(Ask(request, loop, clock.Now() + absl::Seconds(1), answer, resumed)); }
};

TEST_CASE("the waiter resumes on its loop with the answer") {
  Test test;
  test.Start();
  test.request->Finish(7);
  CHECK(!test.resumed);
  test.loop.RunUntilIdle();
  CHECK(test.resumed);
  CHECK(test.answer == 7);
  CHECK(test.alive == 0);
  CHECK(test.loop.NextTimer() == absl::InfiniteFuture());
}

TEST_CASE("at the deadline the waiter goes on and the thread frees the request") {
  Test test;
  test.Start();
  test.clock.Advance(absl::Seconds(1));
  test.loop.RunUntilIdle();
  CHECK(test.resumed);
  CHECK(!test.answer.has_value());
  CHECK(test.alive == 1);
  CHECK(test.request->abandoned());
  test.request->Finish(7);
  CHECK(test.alive == 0);
  CHECK(!test.loop.RunTurn());
}

TEST_CASE("an answer at the moment of the deadline is taken") {
  Test test;
  test.Start();
  test.request->Finish(7);
  test.clock.Advance(absl::Seconds(1));
  test.loop.RunUntilIdle();
  CHECK(test.answer == 7);
  CHECK(test.alive == 0);
}

TEST_CASE("a waiter that is destroyed leaves the request to the thread or the loop") {
  const bool answered_before = GENERATE(false, true);
  Test test;
  {
    auto waiting = std::make_unique<ThreadAnswer<int>>(*test.request, test.loop,
                                                       test.clock.Now() + absl::Seconds(1));
    waiting->await_suspend(std::noop_coroutine());
    if (answered_before) test.request->Finish(7);
  }
  if (!answered_before) test.request->Finish(7);
  test.loop.RunUntilIdle();
  CHECK(test.alive == 0);
}

}  // namespace
}  // namespace predictd
