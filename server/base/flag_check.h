// Flags are checked before Abseil parses them, which would end the program with other words,
// another exit status and no remedy.
#ifndef PREDICTD_SERVER_BASE_FLAG_CHECK_H_
#define PREDICTD_SERVER_BASE_FLAG_CHECK_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace predictd {

// Returns the names of the flags on the command line, whose values it sets. INVALID_ARGUMENT names
// the first that is unknown, lacks its value or has a wrong one, and says what to write. What
// --flagfile and --fromenv bring is left to Abseil. `argv[0]` is the program's path.
absl::StatusOr<absl::flat_hash_set<std::string>> CheckFlags(int argc, const char* const* argv);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_FLAG_CHECK_H_
