// What --help says.
#ifndef PREDICTD_CLIENT_USAGE_H_
#define PREDICTD_CLIENT_USAGE_H_

#include "absl/strings/string_view.h"

namespace predictd::client {

// The sub-commands, one per line.
absl::string_view UsageText();

// Makes --help show the sub-commands and this program's flags, grouped. Call before
// absl::ParseCommandLine.
void SetUpUsage();

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_USAGE_H_
