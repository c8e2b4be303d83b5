// A store of predictions in memory that fails, refuses or blocks as the test says.
#ifndef PREDICTD_TESTS_FAKES_PREDICTION_STORE_H_
#define PREDICTD_TESTS_FAKES_PREDICTION_STORE_H_

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/mutex.h"
#include "server/sql/prediction_store.h"

namespace predictd {

// Any thread.
class FakePredictionStore : public PredictionStore {
 public:
  // The next `times` writes fail.
  void FailTimes(int times, absl::Status status) {
    MutexLock lock(mutex_);
    failures_left_ = times;
    failure_ = std::move(status);
  }
  void FailUntilRepaired(absl::Status status) {
    FailTimes(std::numeric_limits<int>::max(), std::move(status));
  }
  void Repair() { FailTimes(0, absl::OkStatus()); }
  void FailFindsWith(absl::Status status) {
    MutexLock lock(mutex_);
    find_failure_ = std::move(status);
  }

  // A write of more than `most` fails.
  void RefuseMoreThan(size_t most, absl::Status status) {
    MutexLock lock(mutex_);
    most_ = most;
    too_many_ = std::move(status);
  }

  // A write with this prediction is INVALID_ARGUMENT, as where a constraint refuses it.
  void Refuse(std::string prediction_id) {
    MutexLock lock(mutex_);
    refused_.insert(std::move(prediction_id));
  }

  // Writes (and finds) wait until Release.
  void Block() {
    MutexLock lock(mutex_);
    blocking_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    blocking_ = false;
    changed_.NotifyAll();
  }
  // Until a write or a find waits for Release.
  void WaitUntilBlocked() {
    MutexLock lock(mutex_);
    while (blocked_ == 0) changed_.Wait(mutex_);
  }
  // Until so many predictions are saved.
  void WaitForSaved(size_t count) {
    MutexLock lock(mutex_);
    while (saved_.size() < count) changed_.Wait(mutex_);
  }
  // Until so many writes were asked for.
  void WaitForWrites(size_t count) {
    MutexLock lock(mutex_);
    while (batches_.size() < count) changed_.Wait(mutex_);
  }

  // In the order in which they were saved.
  std::vector<Prediction> saved() const {
    MutexLock lock(mutex_);
    return saved_;
  }
  // How many predictions each write had, failed ones included.
  std::vector<size_t> batches() const {
    MutexLock lock(mutex_);
    return batches_;
  }
  int finds() const {
    MutexLock lock(mutex_);
    return finds_;
  }

  absl::StatusOr<std::vector<std::string>> Write(
      absl::Span<const Prediction* const> predictions) override {
    MutexLock lock(mutex_);
    batches_.push_back(predictions.size());
    WaitWhileBlocked();
    changed_.NotifyAll();
    if (failures_left_ > 0) {
      --failures_left_;
      return Copy(failure_);
    }
    if (predictions.size() > most_) return Copy(too_many_);
    for (const Prediction* prediction : predictions) {
      if (refused_.count(prediction->prediction_id) == 0) continue;
      return absl::InvalidArgumentError(absl::StrCat("refused: ", prediction->prediction_id));
    }
    std::vector<std::string> ids;
    for (const Prediction* prediction : predictions) ids.push_back(Insert(*prediction));
    return ids;
  }

  absl::StatusOr<std::optional<Prediction>> Find(absl::string_view prediction_id) override {
    MutexLock lock(mutex_);
    ++finds_;
    WaitWhileBlocked();
    if (!find_failure_.ok()) return Copy(find_failure_);
    for (const Prediction& prediction : saved_) {
      if (prediction.prediction_id == prediction_id) return prediction;
    }
    return std::nullopt;
  }

 private:
  // Shares nothing with the original: ThreadSanitizer does not see how Debian's Abseil counts the
  // references to a shared message.
  static absl::Status Copy(const absl::Status& status) {
    return absl::Status(status.code(), status.message());
  }

  void WaitWhileBlocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++blocked_;
    changed_.NotifyAll();
    while (blocking_) changed_.Wait(mutex_);
    --blocked_;
  }

  std::string Insert(const Prediction& prediction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const Prediction& earlier : saved_) {
      const bool same_key = !prediction.idempotency_key.empty() &&
                            earlier.idempotency_key == prediction.idempotency_key;
      if (same_key || earlier.prediction_id == prediction.prediction_id) {
        return earlier.prediction_id;
      }
    }
    saved_.push_back(prediction);
    return prediction.prediction_id;
  }

  mutable Mutex mutex_;
  CondVar changed_;
  int failures_left_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  size_t most_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<size_t>::max();
  absl::Status too_many_ ABSL_GUARDED_BY(mutex_);
  absl::Status find_failure_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> refused_ ABSL_GUARDED_BY(mutex_);
  bool blocking_ ABSL_GUARDED_BY(mutex_) = false;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Prediction> saved_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> batches_ ABSL_GUARDED_BY(mutex_);
  int finds_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_PREDICTION_STORE_H_
