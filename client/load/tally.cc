#include "client/load/tally.h"

#include <algorithm>

namespace predictd::client {

void Tally::Add(int64_t start, int64_t now, const Answer& answer) {
  const bool ok = answer.code == grpc::StatusCode::OK;
  if (ok && now >= schedule_.measure_from && now < schedule_.end) {
    ++good_in_time_;
    rows_in_time_ += answer.rows;
  }
  if (start < schedule_.measure_from || start >= schedule_.end) return;
  (ok ? good_ : failed_).Add(now - start);
  const int code = std::clamp(answer.code, 0, kCodes - 1);
  ++codes_[code];
  if (!ok) failed_by_code_[code].Add(now - start);
  failed_rows_ += answer.failed_rows;
  last_answer_ = now;
}

void Tally::AddSent(int64_t now, int64_t deadline) {
  if (now >= schedule_.measure_from && now < schedule_.end && now < deadline) ++sent_in_time_;
}

void Tally::Merge(const Tally& other) {
  good_.Merge(other.good_);
  failed_.Merge(other.failed_);
  for (const auto& [code, latency] : other.failed_by_code_) failed_by_code_[code].Merge(latency);
  for (int code = 0; code < kCodes; ++code) codes_[code] += other.codes_[code];
  failed_rows_ += other.failed_rows_;
  sent_in_time_ += other.sent_in_time_;
  good_in_time_ += other.good_in_time_;
  rows_in_time_ += other.rows_in_time_;
  last_answer_ = std::max(last_answer_, other.last_answer_);
}

}  // namespace predictd::client
