#include "server/base/one_line.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace predictd {

std::string OneLine(absl::string_view text) {
  std::string line;
  for (absl::string_view part : absl::StrSplit(text, absl::ByAnyChar("\r\n"))) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty() && part != "^") absl::StrAppend(&line, line.empty() ? "" : " ", part);
  }
  return line;
}

}  // namespace predictd
