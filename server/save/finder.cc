#include "server/save/finder.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/thread.h"
#include "server/sql/thread_request.h"

namespace predictd::save {

class Finder::Request : public ThreadRequest<absl::StatusOr<std::optional<Prediction>>> {
 public:
  Request(Loop& loop, std::string id, absl::Time limit)
      : ThreadRequest(loop), prediction_id(std::move(id)), deadline(limit) {}

  const std::string prediction_id;
  const absl::Time deadline;
};

Finder::Finder(PredictionStore& store, const Clock& clock, Metrics& metrics, size_t max_queue)
    : store_(store), clock_(clock), metrics_(metrics), requests_(max_queue), thread_([this] {
        Run();
      }) {}

Finder::~Finder() {
  requests_.Close();
  thread_.join();
}

void Finder::Run() {
  NameThread("save-finder");
  std::vector<Request*> requests;
  while (requests_.TakeAll(requests)) {
    for (Request* request : requests) {
      if (request->abandoned() || clock_.Now() >= request->deadline) {
        request->Finish(
            absl::DeadlineExceededError("the lookup had to wait for others until then"));
      } else {
        request->Finish(store_.Find(request->prediction_id));
      }
    }
    requests.clear();
  }
}

Task<absl::StatusOr<std::optional<Prediction>>> Finder::Find(Loop& loop, std::string prediction_id,
                                                             absl::Time deadline) {
  using Answer = absl::StatusOr<std::optional<Prediction>>;
  auto request = std::make_unique<Request>(loop, std::move(prediction_id), deadline);
  if (!requests_.Push(request.get())) {
    metrics_.CountStoreError(Store::kSave, StoreError::kTimeout);
    co_return absl::UnavailableError("too many lookups wait for the store of predictions");
  }
  ThreadAnswer<Answer> waiting(*request.release(), loop, deadline);
  std::optional<Answer> answer = co_await waiting;
  if (answer && answer->ok()) co_return *std::move(answer);
  const bool late = !answer || loop.Now() >= deadline;
  metrics_.CountStoreError(Store::kSave, late ? StoreError::kTimeout : StoreError::kError);
  if (late) {
    co_return absl::DeadlineExceededError("the store of predictions did not answer in time");
  }
  const absl::Status& error = answer->status();
  if (absl::IsDataLoss(error)) co_return error;
  co_return absl::UnavailableError(
      absl::StrCat("the store of predictions failed: ", error.message()));
}

}  // namespace predictd::save
