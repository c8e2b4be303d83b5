// Text that is replaced in place on a terminal.
#ifndef PREDICTD_CLIENT_SCREEN_H_
#define PREDICTD_CLIENT_SCREEN_H_

#include <string>

#include "absl/strings/string_view.h"

namespace predictd::client {

// What makes a terminal of so many rows show `text` (lines that end with '\n') from its upper left
// corner, and nothing else. What is wider is cut by the terminal; of what is higher the last line
// says how much is left out.
std::string ScreenText(absl::string_view text, int rows);

// Gives a terminal back in the middle of a ScreenText: long lines wrap again.
inline constexpr absl::string_view kLeaveScreen = "\x1b[?7h\n";

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_SCREEN_H_
