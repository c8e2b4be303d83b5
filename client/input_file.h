// Files that the command line names.
#ifndef PREDICTD_CLIENT_INPUT_FILE_H_
#define PREDICTD_CLIENT_INPUT_FILE_H_

#include <cstdint>
#include <fstream>
#include <istream>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace predictd::client {

// INVALID_ARGUMENT names the path and why it cannot be read, and ends with the remedy: "pass a CSV
// file".
absl::StatusOr<std::ifstream> OpenInput(const std::string& path, absl::string_view remedy);

// How far a progress bar goes: what `count` finds to the end of `file`, which is then at its
// beginning again. None where nobody sees a bar, or what is opened can be read only once.
std::optional<int64_t> CountForBar(std::ifstream& file, const std::string& path,
                                   int64_t (*count)(std::istream&));

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_INPUT_FILE_H_
