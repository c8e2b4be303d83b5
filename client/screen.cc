#include "client/screen.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace predictd::client {
namespace {

constexpr absl::string_view kHome = "\x1b[H";
constexpr absl::string_view kNoWrap = "\x1b[?7l";
constexpr absl::string_view kWrap = "\x1b[?7h";
constexpr absl::string_view kClearLine = "\x1b[K";
constexpr absl::string_view kClearBelow = "\x1b[J";

}  // namespace

std::string ScreenText(absl::string_view text, int rows) {
  const std::vector<absl::string_view> lines = absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  // The cursor stands below the last line.
  const size_t room = std::max(rows - 1, 1);
  const size_t shown = lines.size() <= room ? lines.size() : room - 1;
  std::string screen = absl::StrCat(kHome, kNoWrap);
  for (size_t i = 0; i < shown; ++i) absl::StrAppend(&screen, lines[i], kClearLine, "\n");
  if (shown < lines.size()) {
    absl::StrAppend(&screen, "... ", lines.size() - shown, " more lines", kClearLine, "\n");
  }
  return absl::StrCat(screen, kClearBelow, kWrap);
}

}  // namespace predictd::client
