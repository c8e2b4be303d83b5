#include "client/load/load_run.h"

#include <algorithm>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "client/load/closed_loop.h"
#include "client/load/cpu_time.h"
#include "client/load/open_loop.h"

namespace predictd::client {
namespace {

// What `index` of `parts` gets of `total`, as evenly as it goes.
template <typename Number>
Number Share(Number total, int index, int parts) {
  return total / parts + (index < static_cast<int64_t>(total % parts) ? 1 : 0);
}

Schedule MakeSchedule(const LoadOptions& options) {
  Schedule schedule;
  schedule.start = NowNanos();
  schedule.measure_from = schedule.start + absl::ToInt64Nanoseconds(options.warmup);
  if (options.requests == 0) {
    schedule.end = schedule.measure_from + absl::ToInt64Nanoseconds(options.duration);
  } else {
    schedule.quota = options.requests;
  }
  return schedule;
}

std::unique_ptr<LoadLoop> MakeLoop(const LoadOptions& options, const Schedule& schedule,
                                   int index) {
  LoopOptions loop{options.rpc, schedule, absl::ToInt64Nanoseconds(options.timeout)};
  loop.rpc.slots = Share(options.rpc.slots, index, options.threads);
  loop.rpc.seed = index;
  if (options.requests > 0) loop.schedule.quota = Share(schedule.quota, index, options.threads);
  // Each thread has connections of its own where there are enough.
  const auto& channels = options.rpc.channels;
  loop.rpc.channels.clear();
  for (size_t i = index % channels.size(); i < channels.size(); i += options.threads) {
    loop.rpc.channels.push_back(channels[i]);
  }
  if (options.rate == 0) return std::make_unique<ClosedLoop>(loop);
  const double interval = 1e9 / options.rate;
  return std::make_unique<OpenLoop>(loop, interval * options.threads, interval * index);
}

struct CpuTimes {
  absl::Duration client;
  absl::StatusOr<absl::Duration> server;
};

CpuTimes Now(const LoadOptions& options) { return {OwnCpuTime(), CpuTimeOf(options.server_pids)}; }

}  // namespace

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options) {
  const Schedule schedule = MakeSchedule(options);
  std::vector<std::unique_ptr<LoadLoop>> loops;
  for (int i = 0; i < options.threads; ++i) loops.push_back(MakeLoop(options, schedule, i));
  std::vector<std::thread> threads;
  for (const auto& loop : loops) threads.emplace_back([&loop] { loop->Run(); });

  const auto sleep_until = [](int64_t nanos) {
    absl::SleepFor(absl::Nanoseconds(std::max<int64_t>(0, nanos - NowNanos())));
  };
  sleep_until(schedule.measure_from);
  const CpuTimes before = Now(options);
  if (options.requests == 0) sleep_until(schedule.end);
  std::optional<CpuTimes> after;
  if (options.requests == 0) after = Now(options);
  for (auto& thread : threads) thread.join();
  if (!after) after = Now(options);

  LoadResult result{Tally(schedule), options.duration, after->client - before.client, {}};
  for (const auto& loop : loops) result.tally.Merge(loop->tally());
  if (options.requests > 0) {
    result.measured =
        absl::Nanoseconds(std::max<int64_t>(1, result.tally.last_answer() - schedule.measure_from));
  }
  if (!options.server_pids.empty()) {
    if (!before.server.ok()) return before.server.status();
    if (!after->server.ok()) return after->server.status();
    result.server_cpu = *after->server - *before.server;
  }
  return result;
}

}  // namespace predictd::client
