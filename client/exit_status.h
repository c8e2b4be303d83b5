// How a sub-command ends, and the one line on stderr that says why.
#ifndef PREDICTD_CLIENT_EXIT_STATUS_H_
#define PREDICTD_CLIENT_EXIT_STATUS_H_

#include "absl/strings/string_view.h"

namespace predictd::client {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // a call or a row failed, the server is not serving
inline constexpr int kExitUsage = 2;   // wrong arguments or flags, an unreadable file

// Print "predict: MESSAGE" as one line on stderr, whatever line breaks the message has, and return
// the exit status.
int Fail(absl::string_view message);
int UsageError(absl::string_view message);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_EXIT_STATUS_H_
