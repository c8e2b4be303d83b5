// Flags are checked before Abseil parses them, which would end the program with other words and
// another exit status.
#ifndef PREDICTD_CLIENT_FLAG_CHECK_H_
#define PREDICTD_CLIENT_FLAG_CHECK_H_

#include "absl/status/status.h"

namespace predictd::client {

// INVALID_ARGUMENT names the first flag on the command line that is unknown, lacks its value or has
// a wrong one, and says what to do. What --flagfile and --fromenv bring is left to Abseil.
absl::Status CheckFlags(int argc, const char* const* argv);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_FLAG_CHECK_H_
