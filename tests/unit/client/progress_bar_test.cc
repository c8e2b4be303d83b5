#include "client/progress_bar.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("a known total gives percentage, bar, rate and time left") {
  CHECK(ProgressText({500, 1000, absl::Seconds(2)}, 200) ==
        " 50%  [===============>              ]  500 of 1,000 users  250/s  2.0s left");
  CHECK(ProgressText({1000, 1000, absl::Seconds(4)}, 200) ==
        "100%  [==============================]  1,000 of 1,000 users  250/s  0s left");
}

TEST_CASE("an unknown total gives rate and time so far") {
  CHECK(ProgressText({1500, std::nullopt, absl::Seconds(3)}, 200) == "1,500 users  500/s  3.0s");
}

TEST_CASE("before the first user there is no time left to tell") {
  CHECK(ProgressText({0, 10, absl::ZeroDuration()}, 60) ==
        "  0%  [>                             ]  0 of 10 users  0/s");
}

TEST_CASE("a narrow terminal loses the bar first and never wraps") {
  const Progress progress{500, 1000, absl::Seconds(2)};
  CHECK(ProgressText(progress, 50) == " 50%  500 of 1,000 users  250/s  2.0s left");
  for (int columns = 0; columns < 120; ++columns) {
    CHECK(ProgressText(progress, columns).size() <= static_cast<size_t>(columns));
  }
}

TEST_CASE("an empty file is no division by zero") {
  CHECK_NOTHROW(ProgressText({0, 0, absl::Seconds(1)}, 80));
}

}  // namespace
}  // namespace predictd::client
