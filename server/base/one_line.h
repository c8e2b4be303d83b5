// Messages of libraries that were made for a terminal.
#ifndef PREDICTD_SERVER_BASE_ONE_LINE_H_
#define PREDICTD_SERVER_BASE_ONE_LINE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace predictd {

// The lines of `text`, trimmed, with spaces between them; a line with nothing but the '^' that
// points into the one above is left out.
std::string OneLine(absl::string_view text);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_ONE_LINE_H_
