#include "server/predict/batch_line.h"

#include <algorithm>
#include <utility>

namespace predictd::predict {
namespace {

// Rows under way at once: enough to fill batches, few enough that other calls get their turns.
constexpr int kMostUnderWay = 1024;
// Fewer are not begun where a batch has more: each time costs the batch another wait.
constexpr int kFewestBegun = 256;

}  // namespace

absl::Duration BatchLine::ExpectedTime(int rows) const {
  return places_.empty() ? absl::ZeroDuration() : per_row_ * (under_way_ + rows_ + rows);
}

int BatchLine::Room(const batching::QueueLimit& queue, int rows) const {
  const int share = std::max(queue.limit() / 2, 1);
  const int room = std::min({share - queue.waiting(), kMostUnderWay - under_way_, rows});
  return room >= std::min({kFewestBegun, share, rows}) ? room : 0;
}

void BatchLine::Answered(int rows) {
  under_way_ -= rows;
  const absl::Time now = loop_.Now();
  if (answered_at_ != absl::InfinitePast()) {
    per_row_ += ((now - answered_at_) / rows - per_row_) / 8;
  }
  answered_at_ = places_.empty() ? absl::InfinitePast() : now;
  if (Work* first = std::exchange(first_, nullptr); first != nullptr) loop_.Ready(*first);
}

BatchLine::Place::Place(BatchLine& line, int rows) : line_(line), rows_(rows) {
  line_.places_.push_back(this);
  line_.rows_ += rows;
}

BatchLine::Place::~Place() {
  if (!left_) Leave(0);
}

void BatchLine::Place::Leave(int rows) {
  left_ = true;
  line_.places_.pop_front();
  line_.rows_ -= rows_;
  line_.under_way_ += rows;
  if (!line_.places_.empty()) line_.loop_.Ready(*line_.places_.front());
}

}  // namespace predictd::predict
