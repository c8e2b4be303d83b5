// Ends a thread that may hang in a call of a library which knows no time limit.
#ifndef PREDICTD_SERVER_BASE_ABANDONABLE_THREAD_H_
#define PREDICTD_SERVER_BASE_ABANDONABLE_THREAD_H_

#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace predictd {

// `State` is what the thread shares with its owner, and keeps alive; all of it is guarded by
// `mutex`: `stopping`, which the thread looks at when `changed` is notified; `ended`, the last that
// it sets, and notifies; the `thread` itself. Joins the thread, or leaves it behind where it has
// not ended within `longest`: from then on it touches nothing but the state.
template <typename State>
void JoinOrAbandon(State& state, absl::Duration longest) {
  std::thread thread;
  bool ended = false;
  {
    MutexLock lock(state.mutex);
    state.stopping = true;
    state.changed.NotifyAll();
    thread = std::move(state.thread);
    if (!thread.joinable()) return;
    const absl::Time latest = SystemClock().Now() + longest;
    while (!state.ended && SystemClock().Now() < latest) {
      state.changed.WaitFor(state.mutex, latest - SystemClock().Now());
    }
    ended = state.ended;
  }
  ended ? thread.join() : thread.detach();
}

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_ABANDONABLE_THREAD_H_
