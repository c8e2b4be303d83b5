// A loop that takes turns when the test says so, and a clock that the test moves.
#ifndef PREDICTD_TESTS_FAKES_MANUAL_LOOP_H_
#define PREDICTD_TESTS_FAKES_MANUAL_LOOP_H_

#include <atomic>

#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/base/clock.h"

namespace predictd {

class FakeClock : public Clock {
 public:
  absl::Time Now() const override { return start_ + absl::Nanoseconds(nanos_.load()); }
  absl::Time WallNow() const override { return Now(); }
  void Advance(absl::Duration step) { nanos_ += absl::ToInt64Nanoseconds(step); }

 private:
  const absl::Time start_ = absl::FromUnixSeconds(1700000000);
  std::atomic<int64_t> nanos_{0};
};

class ManualLoop : public Loop {
 public:
  using Loop::Loop;
  using Loop::NextTimer;
  using Loop::PrepareSleep;
  using Loop::RunTurn;

  // Takes turns until one does nothing.
  void RunUntilIdle() {
    while (RunTurn()) {
    }
  }

  int wakes() const { return wakes_; }

 private:
  void Wake() override { ++wakes_; }
  std::atomic<int> wakes_{0};
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_MANUAL_LOOP_H_
