// What a load run counts.
#ifndef PREDICTD_CLIENT_LOAD_TALLY_H_
#define PREDICTD_CLIENT_LOAD_TALLY_H_

#include <array>
#include <cstdint>
#include <limits>
#include <map>

#include "client/load/latency_histogram.h"
#include "client/load/rpc.h"

namespace predictd::client {

// When a run sends and what of it is measured; times are NowNanos.
struct Schedule {
  int64_t start = 0;  // warm-up until measure_from
  int64_t measure_from = 0;
  int64_t end = std::numeric_limits<int64_t>::max();    // nothing is sent from here on
  int64_t quota = std::numeric_limits<int64_t>::max();  // measured requests to send
};

// Latencies and codes are of the requests that started in the measured time, however late they were
// answered; throughput is of the requests that were answered OK in it. One thread; merge at the
// end.
class Tally {
 public:
  static constexpr int kCodes = 17;

  explicit Tally(const Schedule& schedule) : schedule_(schedule) {}

  // `start` is when the request was sent or, in an open loop, should have been.
  void Add(int64_t start, int64_t now, const Answer& answer);
  // A request left at `now`, early enough to be answered by its `deadline`. Open loops only: what a
  // generator that falls behind really offers.
  void AddSent(int64_t now, int64_t deadline);
  void Merge(const Tally& other);

  const LatencyHistogram& good() const { return good_; }      // code OK
  const LatencyHistogram& failed() const { return failed_; }  // every other code
  // The same by code: a refusal comes at once, a missed deadline after all of its time.
  const std::map<int, LatencyHistogram>& failed_by_code() const { return failed_by_code_; }
  int64_t requests() const { return good_.count() + failed_.count(); }
  int64_t requests_with(int code) const { return codes_[code]; }
  int64_t failed_rows() const { return failed_rows_; }

  int64_t sent_in_time() const { return sent_in_time_; }
  int64_t good_in_time() const { return good_in_time_; }
  int64_t rows_in_time() const { return rows_in_time_; }
  int64_t last_answer() const { return last_answer_; }

 private:
  Schedule schedule_;
  LatencyHistogram good_;
  LatencyHistogram failed_;
  std::map<int, LatencyHistogram> failed_by_code_;
  std::array<int64_t, kCodes> codes_{};
  int64_t failed_rows_ = 0;
  int64_t sent_in_time_ = 0;
  int64_t good_in_time_ = 0;
  int64_t rows_in_time_ = 0;
  int64_t last_answer_ = 0;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_TALLY_H_
