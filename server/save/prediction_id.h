// Names of predictions: UUIDs that sort by the time at which they were made.
#ifndef PREDICTD_SERVER_SAVE_PREDICTION_ID_H_
#define PREDICTD_SERVER_SAVE_PREDICTION_ID_H_

#include <cstdint>
#include <string>

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace predictd::save {

// UUIDv7 (RFC 9562, section 5.7). One thread: each event loop has its own. Every id of a generator
// is greater than the one before, also while the clock stands or steps back; those of different
// generators differ by their random bits.
class PredictionIds {
 public:
  // 36 characters, lower case. `now` is of the wall clock.
  std::string Next(absl::Time now);

 private:
  // The 74 bits after the milliseconds, of which the first 12 stand before the variant.
  struct Tail {
    uint64_t high = 0;  // 12 bits
    uint64_t low = 0;   // 62 bits
  };
  void Restart();
  void Increment();

  absl::BitGen random_;
  int64_t milliseconds_ = -1;
  Tail tail_;
};

}  // namespace predictd::save

#endif  // PREDICTD_SERVER_SAVE_PREDICTION_ID_H_
