#include "server/config/flag_groups.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace predictd::config {

absl::Status Invalid(absl::string_view flag, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", problem));
}

absl::Status CheckRange(absl::string_view flag, int value, int least, int most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return Invalid(flag, absl::StrCat(value, " is out of range; use ", least, " to ", most));
}

absl::Status CheckDuration(absl::string_view flag, absl::Duration value, bool may_be_zero) {
  const bool good = may_be_zero ? value >= absl::ZeroDuration() : value > absl::ZeroDuration();
  if (good && value < absl::InfiniteDuration()) return absl::OkStatus();
  return Invalid(flag, absl::StrCat(absl::FormatDuration(value), " is no usable time; use ",
                                    may_be_zero ? "0 or more" : "more than 0", ", such as 500ms"));
}

absl::Status ReadList(absl::string_view flag, absl::string_view text,
                      std::vector<std::string>& elements) {
  if (absl::StripAsciiWhitespace(text).empty()) return absl::OkStatus();
  for (const absl::string_view element : absl::StrSplit(text, ',')) {
    elements.emplace_back(absl::StripAsciiWhitespace(element));
    if (!elements.back().empty()) continue;
    return Invalid(flag, absl::StrCat("'", text, "' has an empty element; take its comma out"));
  }
  return absl::OkStatus();
}

}  // namespace predictd::config
