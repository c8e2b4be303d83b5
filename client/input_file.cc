#include "client/input_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/progress_bar.h"

namespace predictd::client {

absl::StatusOr<std::ifstream> OpenInput(const std::string& path, absl::string_view remedy) {
  // Where a path cannot be looked at, opening it says why.
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a directory; ", remedy));
  }
  errno = 0;
  std::ifstream file(path);
  if (file) return file;
  return absl::InvalidArgumentError(
      absl::StrCat("cannot read ", path, ": ", std::strerror(errno), "; ", remedy));
}

std::optional<int64_t> CountForBar(std::ifstream& file, const std::string& path,
                                   int64_t (*count)(std::istream&)) {
  std::error_code ignored;
  if (!ProgressBar::OnTerminal() || !std::filesystem::is_regular_file(path, ignored)) {
    return std::nullopt;
  }
  const int64_t total = count(file);
  file.clear();
  file.seekg(0);
  return total;
}

}  // namespace predictd::client
