#include "server/redis/resolver.h"

#include <utility>

#include "server/base/abandonable_thread.h"
#include "server/base/mutex.h"
#include "server/base/thread.h"

namespace predictd::redis {
namespace {

// How long the end of the process waits for a look-up under way.
constexpr absl::Duration kLongestStop = absl::Seconds(1);

struct Request {
  std::string host;
  int port;
  Loop* loop;
  Resolver::Done done;
};

// Shares nothing with the original, not even a status' counted message: what goes to another thread
// is that thread's alone.
Resolver::Answer OwnCopy(const Resolver::Answer& answer) {
  if (answer.ok()) return *answer;
  return absl::Status(answer.status().code(), answer.status().message());
}

}  // namespace

struct Resolver::State {
  explicit State(LookUp function) : look_up(std::move(function)) {}

  const LookUp look_up;

  Mutex mutex;
  CondVar changed;
  std::vector<Request> waiting ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = false;
  std::thread thread ABSL_GUARDED_BY(mutex);
};

Resolver::Resolver(LookUp look_up) : state_(std::make_shared<State>(std::move(look_up))) {}

Resolver::~Resolver() { JoinOrAbandon(*state_, kLongestStop); }

void Resolver::Resolve(std::string host, int port, Loop& loop, Done done) {
  MutexLock lock(state_->mutex);
  state_->waiting.push_back({std::move(host), port, &loop, std::move(done)});
  state_->changed.NotifyAll();
  if (!state_->thread.joinable()) state_->thread = std::thread(&Resolver::Run, state_);
}

void Resolver::Run(std::shared_ptr<State> state) {
  NameThread("redis-resolver");
  MutexLock lock(state->mutex);
  while (!state->stopping) {
    if (state->waiting.empty()) {
      state->changed.Wait(state->mutex);
      continue;
    }
    const std::string host = state->waiting.front().host;
    const int port = state->waiting.front().port;
    state->mutex.Unlock();
    const Answer answer = state->look_up(host, port);
    state->mutex.Lock();
    if (state->stopping) break;
    std::vector<Request> others;
    for (Request& request : state->waiting) {
      if (request.host != host || request.port != port) {
        others.push_back(std::move(request));
        continue;
      }
      request.loop->PostFunction(
          [done = std::move(request.done), own = OwnCopy(answer)] { done(own); });
    }
    state->waiting = std::move(others);
  }
  state->ended = true;
  state->changed.NotifyAll();
}

}  // namespace predictd::redis
