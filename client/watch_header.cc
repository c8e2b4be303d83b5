#include "client/watch_header.h"

#include "absl/strings/str_cat.h"

namespace predictd::client {

std::string WatchHeader::Start(absl::Time now) const {
  return absl::StrCat(server_, "  ", Clock(now));
}

std::string WatchHeader::Answered(absl::Time now) {
  if (away_since_) {
    last_outage_ =
        absl::StrCat("  back since ", Clock(now), ", was away since ", Clock(*away_since_));
    away_since_.reset();
  }
  return absl::StrCat(Start(now), last_outage_);
}

std::string WatchHeader::Failed(absl::Time now) {
  if (!away_since_) away_since_ = now;
  return absl::StrCat(Start(now), "  no answer since ", Clock(*away_since_), ", trying again");
}

}  // namespace predictd::client
