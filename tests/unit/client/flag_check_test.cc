#include "client/flag_check.h"

#include <vector>

#include "absl/flags/flag.h"
#include "tests/catch.h"

ABSL_FLAG(int, check_number, 3, "A number");
ABSL_FLAG(bool, check_switch, false, "A switch");

namespace predictd::client {
namespace {

std::string Checked(std::vector<const char*> words) {
  words.insert(words.begin(), "predict");
  return std::string(CheckFlags(static_cast<int>(words.size()), words.data()).message());
}

TEST_CASE("flags that Abseil takes pass") {
  CHECK(Checked({}).empty());
  CHECK(Checked({"42", "--check_number=4", "-check_number", "-5", "--check_switch"}).empty());
  CHECK(Checked({"--nocheck_switch", "--help", "--helpfull", "batch", "-"}).empty());
  CHECK(Checked({"--", "--anything"}).empty());
}

TEST_CASE("an unknown flag is named") {
  CHECK(Checked({"--check_numbr=4"}) ==
        "there is no flag --check_numbr; 'predict --help' lists the flags");
  CHECK_FALSE(Checked({"--nocheck_number"}).empty());
}

TEST_CASE("a value that does not fit comes with what the flag means") {
  CHECK(Checked({"--check_number=many"}) == "--check_number cannot be 'many': A number");
  CHECK(Checked({"--check_number", "many"}) == "--check_number cannot be 'many': A number");
  CHECK(Checked({"--check_number"}) == "--check_number needs a value: A number");
}

}  // namespace
}  // namespace predictd::client
