// The line above a watch: which server, when, and whether it answers.
#ifndef PREDICTD_CLIENT_WATCH_HEADER_H_
#define PREDICTD_CLIENT_WATCH_HEADER_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace predictd::client {

// One thread.
class WatchHeader {
 public:
  WatchHeader(std::string server, absl::TimeZone zone) : server_(std::move(server)), zone_(zone) {}

  // "127.0.0.1:50051  21:30:01"; after an outage also since when it answers again.
  std::string Answered(absl::Time now);

  // "127.0.0.1:50051  21:30:01  no answer since 21:29:41, trying again"
  std::string Failed(absl::Time now);

 private:
  std::string Clock(absl::Time time) const { return absl::FormatTime("%H:%M:%S", time, zone_); }
  std::string Start(absl::Time now) const;

  const std::string server_;
  const absl::TimeZone zone_;
  std::optional<absl::Time> away_since_;
  std::string last_outage_;  // empty = none yet
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_WATCH_HEADER_H_
