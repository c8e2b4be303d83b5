#include "server/rpc/open_calls.h"

namespace predictd::rpc {

OpenCalls::Entry::Entry(OpenCalls& calls) : calls_(calls), after_(calls.first_) {
  if (after_ != nullptr) after_->before_ = this;
  calls_.first_ = this;
  calls_.count_.store(calls_.count() + 1, std::memory_order_relaxed);
}

OpenCalls::Entry::~Entry() {
  (before_ == nullptr ? calls_.first_ : before_->after_) = after_;
  if (after_ != nullptr) after_->before_ = before_;
  calls_.count_.store(calls_.count() - 1, std::memory_order_relaxed);
}

void OpenCalls::CutOffAll() {
  const absl::Status status = absl::UnavailableError(
      "shutting down: the answer was not there when --drain_timeout ended; ask another server");
  for (Entry* call = first_; call != nullptr; call = call->after_) call->CutOff(status);
}

}  // namespace predictd::rpc
