#include "server/features/single_flight.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "server/base/mutex.h"

namespace predictd::features {

struct alignas(64) SingleFlight::Shard {
  mutable Mutex mutex;
  // By the flight's own key.
  absl::flat_hash_map<absl::string_view, std::shared_ptr<Flight>> flights ABSL_GUARDED_BY(mutex);
};

// Kept by its task and by all who wait for it.
struct SingleFlight::Flight {
  Flight(Shard& home, Loop& starter, absl::string_view flight_key)
      : shard(home), loop(starter), key(flight_key) {}

  Shard& shard;
  Loop& loop;  // where the read runs
  const std::string key;

  // Guarded by shard.mutex, which the compiler cannot tell from a Shard& of another name. Once
  // landed, nobody joins or leaves the list: Land has taken it.
  bool landed = false;
  Awaiter* waiting = nullptr;

  // Written before Land hands anybody to a loop, and read only by those who were handed over.
  std::optional<Result> result;
  bool for_one = false;  // of them: may take `result` with it
};

SingleFlight::SingleFlight() : shards_(std::make_unique<Shard[]>(kShards)) {}
SingleFlight::~SingleFlight() = default;

SingleFlight::Shard& SingleFlight::ShardOf(absl::string_view key) const {
  return shards_[absl::Hash<absl::string_view>{}(key) >> 60];
}

SingleFlight::Awaiter SingleFlight::Join(Loop& loop, Scope& scope, absl::string_view key,
                                         absl::Time deadline,
                                         absl::FunctionRef<Task<Result>()> read) {
  return Awaiter(*this, loop, scope, key, deadline, read);
}

size_t SingleFlight::size() const {
  size_t flights = 0;
  for (int i = 0; i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    flights += shards_[i].flights.size();
  }
  return flights;
}

void SingleFlight::Awaiter::await_suspend(std::coroutine_handle<> waiting) {
  WaitAs(waiting);
  Shard& shard = table_.ShardOf(key_);
  {
    MutexLock lock(shard.mutex);
    if (const auto it = shard.flights.find(key_); it != shard.flights.end()) {
      flight_ = it->second;
    } else {
      flight_ = std::make_shared<Flight>(shard, loop_, key_);
      shard.flights.emplace(flight_->key, flight_);
      started_ = true;
    }
    after_ = flight_->waiting;
    if (after_ != nullptr) after_->before_ = this;
    flight_->waiting = this;
  }
  // Another loop may have landed the flight by now and posted this awaiter; it runs on this thread,
  // so not before this function has returned.
  loop_.Start(*this, deadline_);
  if (started_) Fly(scope_, flight_, read_());
}

// Either this or Land takes the awaiter out of the list, under the shard's lock: whoever does
// resumes it, the other leaves it alone. After Land has taken it, it is in the loop's inbox and
// must stay whole until it runs.
void SingleFlight::Awaiter::Expired() {
  Shard& shard = flight_->shard;
  {
    MutexLock lock(shard.mutex);
    if (flight_->landed) return;
    (before_ == nullptr ? flight_->waiting : before_->after_) = after_;
    if (after_ != nullptr) after_->before_ = before_;
  }
  timed_out_ = true;
  loop_.Ready(*this);
}

SingleFlight::Landing SingleFlight::Awaiter::await_resume() {
  loop_.Stop(*this);
  if (timed_out_) {
    return {absl::DeadlineExceededError("deadline passed while features were read"), started_};
  }
  if (flight_->for_one) return {*std::move(flight_->result), started_};
  return {*flight_->result, started_};
}

Scope::Runner SingleFlight::Fly(Scope&, std::shared_ptr<Flight> flight, Task<Result> read) {
  Result result = co_await std::move(read);
  Land(*flight, std::move(result));
}

void SingleFlight::Land(Flight& flight, Result result) {
  flight.result = std::move(result);
  Awaiter* waiting;
  {
    MutexLock lock(flight.shard.mutex);
    flight.shard.flights.erase(flight.key);
    flight.landed = true;
    waiting = std::exchange(flight.waiting, nullptr);
  }
  flight.for_one = waiting != nullptr && waiting->after_ == nullptr;
  while (waiting != nullptr) {
    Awaiter& awaiter = *waiting;
    // First: another loop may resume and destroy the awaiter as soon as it is posted.
    waiting = awaiter.after_;
    if (&awaiter.loop_ == &flight.loop) {
      flight.loop.Ready(awaiter);
    } else {
      awaiter.loop_.Post(awaiter);
    }
  }
}

}  // namespace predictd::features
