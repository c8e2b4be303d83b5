// An invalidation channel on a loop of its own, and what it has told.
#ifndef PREDICTD_TESTS_UNIT_REDIS_INVALIDATION_RIG_H_
#define PREDICTD_TESTS_UNIT_REDIS_INVALIDATION_RIG_H_

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/invalidation_channel.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/sleeping_loop.h"

namespace predictd::redis {

class InvalidationRig {
 public:
  // Time-outs are far longer than a busy machine takes, unless a test says otherwise.
  InvalidationRig(const Clock& clock, const Address& address,
                  InvalidationChannel::Options options = {.prefix = "features:",
                                                          .check_interval = absl::Seconds(30)})
      : loop(clock),
        channel(loop, watcher, resolver, metrics, address, std::move(options),
                {.on_invalidate = [this](absl::string_view key) { keys.emplace_back(key); },
                 .on_flush = [this] { ++flushes; },
                 .on_working = [this] { ++worked; },
                 .on_lost = [this](const absl::Status& reason) { lost.push_back(reason); }}) {}

  bool RunUntil(const std::function<bool()>& done) { return loop.RunUntil(done, absl::Minutes(2)); }
  bool RunUntilWorking() {
    return RunUntil([this] { return channel.working(); });
  }
  bool RunUntilTold(const std::string& key) {
    return RunUntil([&] { return std::find(keys.begin(), keys.end(), key) != keys.end(); });
  }
  // Time goes on by `step` per turn.
  bool RunUntil(FakeClock& clock, absl::Duration step, const std::function<bool()>& done) {
    return RunUntil([&] {
      clock.Advance(step);
      return done();
    });
  }

  SleepingLoop loop;
  Metrics metrics;
  Resolver resolver;
  Watcher watcher;
  std::vector<std::string> keys;
  int flushes = 0;
  int worked = 0;
  std::vector<absl::Status> lost;
  InvalidationChannel channel;
};

}  // namespace predictd::redis

#endif  // PREDICTD_TESTS_UNIT_REDIS_INVALIDATION_RIG_H_
