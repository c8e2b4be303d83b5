#include "client/text.h"

#include "tests/catch.h"

namespace predictd::client {
namespace {

TEST_CASE("durations are told in at most two units") {
  CHECK(FormatBrief(absl::ZeroDuration()) == "0s");
  CHECK(FormatBrief(absl::Microseconds(340)) == "340us");
  CHECK(FormatBrief(absl::Microseconds(1500)) == "1.5ms");
  CHECK(FormatBrief(absl::Milliseconds(12)) == "12ms");
  CHECK(FormatBrief(absl::Microseconds(999'499)) == "999ms");
  CHECK(FormatBrief(absl::Microseconds(999'500)) == "1.0s");
  CHECK(FormatBrief(absl::Milliseconds(2412)) == "2.4s");
  CHECK(FormatBrief(absl::Milliseconds(59'949)) == "59.9s");
  CHECK(FormatBrief(absl::Milliseconds(59'950)) == "1m 0s");
  CHECK(FormatBrief(absl::Seconds(192)) == "3m 12s");
  CHECK(FormatBrief(absl::Minutes(125)) == "2h 5m");
  CHECK(FormatBrief(absl::Hours(103)) == "4d 7h");
}

TEST_CASE("a negative duration, from clocks that differ, reads as none") {
  CHECK(FormatBrief(absl::Seconds(-3)) == "0s");
}

TEST_CASE("text is wrapped at spaces") {
  CHECK(Wrap("one two  three", 2, 9) == "  one two\n  three\n");
  CHECK(Wrap("größe ab", 0, 8) == "größe ab\n");
  CHECK(Wrap("/a/long/path is whole", 1, 8) == " /a/long/path\n is\n whole\n");
  CHECK(Wrap("one two", 2, 0) == "  one two\n");
  CHECK(Wrap("", 2, 9).empty());
}

TEST_CASE("percentages have no needless digits") {
  CHECK(FormatPercent(0) == "0%");
  CHECK(FormatPercent(0.5) == "0.5%");
  CHECK(FormatPercent(33.333333) == "33.33%");
  CHECK(FormatPercent(100) == "100%");
}

TEST_CASE("counts have a comma every three digits") {
  CHECK(FormatCount(0) == "0");
  CHECK(FormatCount(999) == "999");
  CHECK(FormatCount(1000) == "1,000");
  CHECK(FormatCount(1234567) == "1,234,567");
  CHECK(FormatCount(-123456) == "-123,456");
}

TEST_CASE("floats are as short as reads back the same") {
  CHECK(FormatFloat(0.1f) == "0.1");
  CHECK(FormatFloat(-12.5f) == "-12.5");
  CHECK(FormatFloat(1e-10f) == "1e-10");
}

TEST_CASE("a line has no line breaks") { CHECK(OneLine("a\nb\r\tc") == "a b  c"); }

TEST_CASE("durations keep their sign and nanoseconds on the wire") {
  for (const auto duration : {absl::Nanoseconds(1), absl::Milliseconds(-1500), absl::Hours(3)}) {
    CHECK(FromProto(ToProto(duration)) == duration);
  }
}

TEST_CASE("states lose their prefix, unknown ones stay numbers") {
  CHECK(StateText(v1::MODEL_STATE_READY) == "READY");
  CHECK(StateText(static_cast<v1::ModelState>(99)) == "99");
}

}  // namespace
}  // namespace predictd::client
