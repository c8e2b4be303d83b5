// A feature source in memory that answers, fails or hangs as the test says.
#ifndef PREDICTD_TESTS_FAKES_FEATURE_SOURCE_H_
#define PREDICTD_TESTS_FAKES_FEATURE_SOURCE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/sql/feature_source.h"
#include "server/sql/thread_request.h"

namespace predictd {

// Any thread. Without further ado every read is answered at once. Destroyed before the loops.
class FakeFeatureSource : public FeatureSource {
 public:
  explicit FakeFeatureSource(std::vector<std::string> names)
      : schema_(std::make_shared<const Schema>(std::move(names))) {}
  ~FakeFeatureSource() override { Release(); }

  void SetRow(std::string user_id, std::vector<float> values) {
    MutexLock lock(mutex_);
    rows_[std::move(user_id)] = std::move(values);
  }
  void RemoveRow(const std::string& user_id) {
    MutexLock lock(mutex_);
    rows_.erase(user_id);
  }

  // Reads fail with this until it is OK.
  void FailWith(absl::Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }

  // Reads hang, each until its deadline, until Release answers those that wait and all later ones.
  void Hold() {
    MutexLock lock(mutex_);
    holding_ = true;
  }
  void Release() {
    std::vector<Request*> held;
    {
      MutexLock lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (Request* request : held) request->Finish(AnswerTo(*request));
  }

  int reads() const {
    MutexLock lock(mutex_);
    return reads_;
  }
  int held() const {
    MutexLock lock(mutex_);
    return static_cast<int>(held_.size());
  }

  std::shared_ptr<const Schema> schema() const override { return schema_; }
  uint64_t schema_generation() const override { return 1; }

  Task<absl::StatusOr<std::optional<FeatureRow>>> Read(Loop& loop, std::string user_id,
                                                       absl::Time deadline) override {
    auto request = std::make_unique<Request>(loop, std::move(user_id));
    if (!HoldBack(*request)) co_return AnswerTo(*request);
    ThreadAnswer<Answer> waiting(*request.release(), loop, deadline);
    std::optional<Answer> answer = co_await waiting;
    if (!answer) co_return absl::DeadlineExceededError("the fake source hangs");
    co_return *std::move(answer);
  }

 private:
  using Answer = absl::StatusOr<std::optional<FeatureRow>>;
  class Request : public ThreadRequest<Answer> {
   public:
    Request(Loop& its_loop, std::string id)
        : ThreadRequest(its_loop), loop(its_loop), user_id(std::move(id)) {}
    Loop& loop;
    const std::string user_id;
  };

  bool HoldBack(Request& request) {
    MutexLock lock(mutex_);
    ++reads_;
    if (holding_) held_.push_back(&request);
    return holding_;
  }

  Answer AnswerTo(const Request& request) const {
    MutexLock lock(mutex_);
    // ThreadSanitizer does not see how Debian's Abseil counts the references to a shared message.
    if (!failure_.ok()) return absl::Status(failure_.code(), failure_.message());
    const auto found = rows_.find(request.user_id);
    if (found == rows_.end()) return std::nullopt;
    FeatureRow row;
    row.schema = schema_;
    row.values.assign(found->second.begin(), found->second.end());
    // A request that was given up may outlive its loop.
    if (!request.abandoned()) row.read_at = request.loop.clock().WallNow();
    row.origin = FeatureOrigin::kSource;
    return row;
  }

  const std::shared_ptr<const Schema> schema_;
  mutable Mutex mutex_;
  std::map<std::string, std::vector<float>> rows_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Request*> held_ ABSL_GUARDED_BY(mutex_);
  int reads_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_FEATURE_SOURCE_H_
