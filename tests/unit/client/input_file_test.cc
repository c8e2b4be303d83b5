#include "client/input_file.h"

#include <string>

#include "tests/catch.h"
#include "tests/fakes/temp_folder.h"

namespace predictd::client {
namespace {

std::string Refusal(const std::string& path) {
  const auto file = OpenInput(path, "pass a CSV file");
  CHECK(absl::IsInvalidArgument(file.status()));
  return std::string(file.status().message());
}

TEST_CASE("a file is read from its beginning") {
  const TempFolder temporary;
  const std::string folder = temporary.path().string();
  std::ofstream(folder + "/users") << "42\n";
  auto file = OpenInput(folder + "/users", "pass a CSV file");
  REQUIRE(file.ok());
  std::string line;
  CHECK(std::getline(*file, line));
  CHECK(line == "42");
  CHECK(Refusal(folder) == folder + " is a directory; pass a CSV file");
  CHECK(Refusal(folder + "/none") ==
        "cannot read " + folder + "/none: No such file or directory; pass a CSV file");
}

TEST_CASE("a path that cannot even be looked at is an error with its reason") {
  const std::string long_name(300, 'x');
  CHECK(Refusal(long_name) == "cannot read " + long_name + ": File name too long; pass a CSV file");
}

}  // namespace
}  // namespace predictd::client
