// Stores that answer when the test says so.
#ifndef PREDICTD_TESTS_UNIT_FEATURES_FAKES_H_
#define PREDICTD_TESTS_UNIT_FEATURES_FAKES_H_

#include <hiredis/hiredis.h>

#include <coroutine>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/features/shared_cache.h"
#include "server/redis/reply.h"
#include "server/sql/feature_source.h"

namespace predictd::features {

// What hiredis makes of the bytes that Redis sends.
inline redis::Reply ParseReply(absl::string_view resp) {
  redisReader* const reader = redisReaderCreate();
  redisReaderFeed(reader, resp.data(), resp.size());
  void* reply = nullptr;
  redisReaderGetReply(reader, &reply);
  redisReaderFree(reader);
  return redis::Reply(static_cast<redisReply*>(reply));
}

// While it is closed, whoever passes waits until it opens. One loop.
class Gate {
 public:
  explicit Gate(Loop& loop) : loop_(loop) {}

  void Close() { open_ = false; }
  void Open() {
    open_ = true;
    OpenOnce();
  }
  // For those who wait, not for those to come.
  void OpenOnce() {
    for (Waiter* waiter : std::exchange(waiting_, {})) loop_.Ready(*waiter);
  }
  size_t waiting() const { return waiting_.size(); }

  auto Pass() { return Waiter(*this); }

 private:
  class Waiter final : public Resumption {
   public:
    explicit Waiter(Gate& gate) : gate_(gate) {}
    bool await_ready() const { return gate_.open_; }
    void await_suspend(std::coroutine_handle<> waiting) {
      WaitAs(waiting);
      gate_.waiting_.push_back(this);
    }
    void await_resume() const {}

   private:
    Gate& gate_;
  };

  Loop& loop_;
  bool open_ = true;
  std::vector<Waiter*> waiting_;
};

class FakeSource : public FeatureSource {
 public:
  FakeSource(Loop& loop, std::shared_ptr<const Schema> schema)
      : gate(loop), schema_(std::move(schema)) {}

  std::shared_ptr<const Schema> schema() const override { return schema_; }
  uint64_t schema_generation() const override { return 1; }

  Task<absl::StatusOr<std::optional<FeatureRow>>> Read(Loop& loop, std::string user_id,
                                                       absl::Time deadline) override {
    ++reads;
    last_deadline = deadline;
    std::optional<FeatureRow> found;
    if (const auto it = rows.find(user_id); it != rows.end()) {
      found = FeatureRow{schema_, it->second, loop.clock().WallNow(), FeatureOrigin::kSource};
    }
    auto pass = gate.Pass();
    co_await pass;
    if (!error.ok()) co_return error;
    co_return found;
  }

  Gate gate;
  std::map<std::string, FeatureValues> rows;
  absl::Status error;
  int reads = 0;
  absl::Time last_deadline;

 private:
  const std::shared_ptr<const Schema> schema_;
};

class FakeCache : public SharedCache {
 public:
  explicit FakeCache(Loop& loop) : gate(loop) {}

  Task<CacheAnswer> Read(std::string user_id, std::shared_ptr<const Schema> schema) override {
    ++reads;
    auto pass = gate.Pass();
    co_await pass;
    if (!error.ok()) co_return CacheAnswer{.status = error};
    if (wrong_type) co_return CacheAnswer{};
    CacheAnswer answer{.may_fill = !is_feasts};
    const auto it = rows.find(user_id);
    if (it != rows.end() && it->second.schema->fingerprint() == schema->fingerprint()) {
      answer.row = it->second;
      answer.row->origin = FeatureOrigin::kRedis;
    }
    co_return answer;
  }
  bool Fill(absl::string_view user_id, const FeatureRow& row) override {
    fills.emplace_back(user_id);
    rows[std::string(user_id)] = row;
    return true;
  }

  void Drop(absl::string_view user_id, const Schema&) override {
    drops.emplace_back(user_id);
    if (!refuses_drops) rows.erase(std::string(user_id));
  }

  Gate gate;
  std::map<std::string, FeatureRow> rows;
  absl::Status error;
  bool wrong_type = false;
  int reads = 0;
  bool is_feasts = false;  // rows are never written
  bool refuses_drops = false;
  std::vector<std::string> fills;
  std::vector<std::string> drops;
};

// Starts `task` in `scope`; its result is there once it has ended.
template <typename T>
std::shared_ptr<std::optional<T>> Start(Scope& scope, Task<T> task) {
  auto result = std::make_shared<std::optional<T>>();
  scope.Spawn([](Task<T> running, std::shared_ptr<std::optional<T>> out) -> Task<void> {
    T value = co_await std::move(running);
    out->emplace(std::move(value));
  }(std::move(task), result));
  return result;
}

}  // namespace predictd::features

#endif  // PREDICTD_TESTS_UNIT_FEATURES_FAKES_H_
