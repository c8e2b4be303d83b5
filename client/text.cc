#include "client/text.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace predictd::client {

std::string FormatBrief(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "forever";
  const int64_t us = absl::ToInt64Microseconds(std::max(duration, absl::ZeroDuration()));
  if (us == 0) return "0s";
  if (us < 1000) return absl::StrCat(us, "us");
  if (us < 10'000) return absl::StrFormat("%.2gms", us / 1e3);
  if (us < 999'500) return absl::StrFormat("%.0fms", us / 1e3);
  if (us < 59'950'000) return absl::StrFormat("%.1fs", us / 1e6);
  const int64_t seconds = (us + 500'000) / 1'000'000;
  if (seconds < 3600) return absl::StrCat(seconds / 60, "m ", seconds % 60, "s");
  const int64_t minutes = seconds / 60;
  if (minutes < 24 * 60) return absl::StrCat(minutes / 60, "h ", minutes % 60, "m");
  const int64_t hours = minutes / 60;
  return absl::StrCat(hours / 24, "d ", hours % 24, "h");
}

std::string FormatCount(int64_t count) {
  std::string digits = absl::StrCat(count);
  const int first = count < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3) digits.insert(at, 1, ',');
  return digits;
}

std::string FormatFloat(float value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

size_t Width(absl::string_view text) {
  // Every byte but UTF-8's continuation bytes starts a character.
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

std::string Wrap(absl::string_view text, size_t indent, size_t columns) {
  const std::string margin(indent, ' ');
  std::string lines;
  std::string line;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const size_t wanted = indent + Width(line) + 1 + Width(word);
    if (!line.empty() && columns > 0 && wanted > columns) {
      absl::StrAppend(&lines, margin, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  return line.empty() ? lines : absl::StrCat(lines, margin, line, "\n");
}

std::string FormatPercent(double percent) { return absl::StrFormat("%.4g%%", percent); }

absl::string_view OriginText(v1::FeatureOrigin origin) {
  switch (origin) {
    case v1::FEATURE_ORIGIN_REQUEST:
      return "request";
    case v1::FEATURE_ORIGIN_LOCAL_CACHE:
      return "local cache";
    case v1::FEATURE_ORIGIN_REDIS:
      return "Redis";
    case v1::FEATURE_ORIGIN_SOURCE:
      return "database";
    case v1::FEATURE_ORIGIN_DEFAULTS:
      return "no stored row";
    default:
      return "unknown";
  }
}

std::string StoredRowText(v1::FeatureOrigin origin, const google::protobuf::Duration* age) {
  if (age == nullptr) return absl::StrCat(OriginText(origin), ", age unknown");
  const absl::Duration time = FromProto(*age);
  if (time <= absl::ZeroDuration()) return absl::StrCat(OriginText(origin), ", just read");
  return absl::StrCat(OriginText(origin), ", ", FormatBrief(time), " old");
}

std::string StateText(v1::ModelState state) {
  const std::string& name = v1::ModelState_Name(state);
  if (name.empty()) return absl::StrCat(static_cast<int>(state));
  return std::string(absl::StripPrefix(name, "MODEL_STATE_"));
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Time FromProto(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

}  // namespace predictd::client
