#include "client/exit_status.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/text.h"

namespace predictd::client {
namespace {

void PrintLine(absl::string_view message) {
  const std::string line = absl::StrCat("predict: ", OneLine(message), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

int Fail(absl::string_view message) {
  PrintLine(message);
  return kExitFailed;
}

int UsageError(absl::string_view message) {
  PrintLine(message);
  return kExitUsage;
}

}  // namespace predictd::client
