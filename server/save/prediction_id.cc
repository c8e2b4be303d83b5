#include "server/save/prediction_id.h"

namespace predictd::save {
namespace {

constexpr uint64_t kLowBits = 62;
constexpr uint64_t kLowMask = (uint64_t{1} << kLowBits) - 1;
constexpr uint64_t kHighMask = 0xfff;

// Appends the last `digits` hexadecimal digits of `value`.
char* AppendHex(uint64_t value, int digits, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) *out++ = kHex[(value >> shift) & 15];
  return out;
}

}  // namespace

std::string PredictionIds::Next(absl::Time now) {
  const int64_t milliseconds = absl::ToUnixMillis(now);
  if (milliseconds > milliseconds_) {
    milliseconds_ = milliseconds;
    Restart();
  } else {
    Increment();
  }
  const uint64_t variant_and_low = uint64_t{2} << kLowBits | tail_.low;
  std::string id(36, '-');
  char* out = id.data();
  out = AppendHex(static_cast<uint64_t>(milliseconds_) >> 16, 8, out) + 1;
  out = AppendHex(static_cast<uint64_t>(milliseconds_), 4, out) + 1;
  out = AppendHex(0x7000 | tail_.high, 4, out) + 1;
  out = AppendHex(variant_and_low >> 48, 4, out) + 1;
  AppendHex(variant_and_low, 12, out);
  return id;
}

void PredictionIds::Restart() {
  // The first bit is left clear, so that the millisecond has room for increments.
  tail_.high = absl::Uniform<uint64_t>(random_) & (kHighMask >> 1);
  tail_.low = absl::Uniform<uint64_t>(random_) & kLowMask;
}

void PredictionIds::Increment() {
  // By a random step (section 6.2, method 2): the next id cannot be guessed from this one.
  tail_.low += (absl::Uniform<uint64_t>(random_) & 0xffffffff) + 1;
  if (tail_.low <= kLowMask) return;
  tail_.low &= kLowMask;
  if (++tail_.high <= kHighMask) return;
  ++milliseconds_;
  Restart();
}

}  // namespace predictd::save
