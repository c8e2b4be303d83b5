#include "server/base/flag_check.h"

#include <vector>

#include "absl/flags/flag.h"
#include "absl/time/time.h"
#include "tests/catch.h"

ABSL_FLAG(int, check_number, 3, "A number");
ABSL_FLAG(bool, check_switch, false, "A switch");
ABSL_FLAG(absl::Duration, check_time, absl::Seconds(1), "A time; 0 = none");

namespace predictd {
namespace {

std::string Checked(std::vector<const char*> words) {
  words.insert(words.begin(), "/usr/bin/program");
  const auto given = CheckFlags(static_cast<int>(words.size()), words.data());
  return std::string(given.status().message());
}

TEST_CASE("flags that Abseil takes pass") {
  CHECK(Checked({}).empty());
  CHECK(Checked({"42", "--check_number=4", "-check_number", "-5", "--check_switch"}).empty());
  CHECK(Checked({"--nocheck_switch", "--help", "--helpfull", "batch", "-"}).empty());
  CHECK(Checked({"--", "--anything"}).empty());
}

TEST_CASE("an unknown flag is named") {
  CHECK(Checked({"--check_numbr=4"}) ==
        "there is no flag --check_numbr; 'program --help' lists the flags");
  CHECK_FALSE(Checked({"--nocheck_number"}).empty());
}

TEST_CASE("a value that does not fit comes with what the flag means") {
  CHECK(Checked({"--check_number=many"}) ==
        "--check_number=many: write a whole number up to 2147483647 (A number)");
  CHECK(Checked({"--check_number", "many"}) ==
        "--check_number=many: write a whole number up to 2147483647 (A number)");
  CHECK(Checked({"--check_number"}) == "--check_number needs a value: A number");
}

TEST_CASE("a time without a unit is shown with one") {
  CHECK(Checked({"--check_time=5"}) ==
        "--check_time=5: a time needs a unit, such as 5s or 5ms (A time; 0 = none)");
  CHECK(Checked({"--check_time=soon"}) ==
        "--check_time=soon: a time is written like 500ms, 5s or 1h (A time; 0 = none)");
  CHECK(Checked({"--check_time=0", "--check_time=1h30m"}).empty());
}

TEST_CASE("the flags on the command line are told, whatever their values") {
  const std::vector<const char*> words = {"program", "--check_number=3", "--check_time", "1s"};
  const auto given = CheckFlags(static_cast<int>(words.size()), words.data());
  REQUIRE(given.ok());
  CHECK(*given == absl::flat_hash_set<std::string>{"check_number", "check_time"});
}

}  // namespace
}  // namespace predictd
