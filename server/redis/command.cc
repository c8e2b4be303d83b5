#include "server/redis/command.h"

namespace predictd::redis {

uint64_t AnswerQueue::Push(Entry entry) {
  if (size_ == ring_.size()) {
    std::vector<Entry> larger(2 * ring_.size());
    for (uint64_t number = first_; number < first_ + size_; ++number) {
      larger[number & (larger.size() - 1)] = at(number);
    }
    ring_ = std::move(larger);
  }
  const uint64_t number = first_ + size_;
  at(number) = entry;
  ++size_;
  if (entry.awaiter != nullptr) ++awaited_;
  return number;
}

void AnswerQueue::Abandon(uint64_t number) {
  at(number).awaiter = nullptr;
  --awaited_;
}

void AnswerQueue::MarkWritten(absl::Time now) {
  for (; written_ < size_; ++written_) at(first_ + written_).written = now;
}

AnswerQueue::Entry AnswerQueue::Pop() {
  const Entry entry = oldest();
  ++first_;
  --size_;
  if (written_ > 0) --written_;
  if (entry.awaiter != nullptr) --awaited_;
  return entry;
}

}  // namespace predictd::redis
