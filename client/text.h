// Numbers, times and enums as people read them. Pure functions; any thread.
#ifndef PREDICTD_CLIENT_TEXT_H_
#define PREDICTD_CLIENT_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// Two significant units at most: 340us, 12ms, 2.4s, 3m 12s, 2h 5m, 4d 7h. Negative durations, which
// come from clocks that differ, read 0s.
std::string FormatBrief(absl::Duration duration);

// 1234567 -> 1,234,567
std::string FormatCount(int64_t count);

// The shortest decimal that reads back as the same float; nan, inf.
std::string FormatFloat(float value);

// Line breaks and other control characters become spaces.
std::string OneLine(absl::string_view text);

// Characters of UTF-8 text.
size_t Width(absl::string_view text);

// Lines of at most `columns` characters, each `indent` spaces in and with a '\n' at its end; breaks
// at spaces only, so that a path stays whole. 0 columns = one line, however long.
std::string Wrap(absl::string_view text, size_t indent, size_t columns);

// "100%", "0.5%"
std::string FormatPercent(double percent);

// "Redis", "database", ...
absl::string_view OriginText(v1::FeatureOrigin origin);

// Where a stored row came from and how old it is: "Redis, 2.4s old". `age` is null where it is not
// known.
std::string StoredRowText(v1::FeatureOrigin origin, const google::protobuf::Duration* age);

// READY, FAILED, ...: the enum's name without its prefix.
std::string StateText(v1::ModelState state);

absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& timestamp);
google::protobuf::Duration ToProto(absl::Duration duration);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_TEXT_H_
