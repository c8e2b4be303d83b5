// Comma-separated values after RFC 4180, with '\n' at line ends.
#ifndef PREDICTD_CLIENT_CSV_H_
#define PREDICTD_CLIENT_CSV_H_

#include <string>

#include "absl/strings/string_view.h"

namespace predictd::client {

// Appends one field, in quotes where it has a comma, a quote, a line break, or a space at either
// end, which some readers would strip.
void AppendCsvField(absl::string_view field, std::string& out);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_CSV_H_
