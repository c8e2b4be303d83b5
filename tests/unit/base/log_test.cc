#include "server/base/log.h"

#include <string>

#include "tests/catch.h"

namespace predictd {
namespace {

const absl::Time kWhen = absl::FromUnixMillis(1767225600123);

TEST_CASE("a text line is time, level, message and fields") {
  CHECK(FormatLogLine(LogFormat::kText, kWhen, LogLevel::kWarning, "redis is down",
                      {{"address", "10.0.0.1:6379"}, {"attempts", 3}}) ==
        "2026-01-01T00:00:00.123Z warning redis is down address=10.0.0.1:6379 attempts=3");
  CHECK(FormatLogLine(LogFormat::kText, kWhen, LogLevel::kInfo, "ready", {}) ==
        "2026-01-01T00:00:00.123Z info ready");
}

TEST_CASE("a value in a text line is quoted where its end would be unclear") {
  CHECK(FormatLogLine(LogFormat::kText, kWhen, LogLevel::kError, "failed",
                      {{"error", "no \"route\"\nto host"}, {"empty", ""}, {"pair", "a=b"}}) ==
        "2026-01-01T00:00:00.123Z error failed error=\"no \\\"route\\\"\\nto host\" "
        "empty=\"\" pair=\"a=b\"");
}

TEST_CASE("a JSON line is one object of strings") {
  CHECK(FormatLogLine(LogFormat::kJson, kWhen, LogLevel::kDebug, "said \"no\"",
                      {{"waited", absl::Milliseconds(1500)}, {"rows", 12}}) ==
        R"({"time":"2026-01-01T00:00:00.123Z","level":"debug","message":"said \"no\"",)"
        R"("waited":"1.5s","rows":"12"})");
}

TEST_CASE("no line of either format holds a line break") {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line =
        FormatLogLine(format, kWhen, LogLevel::kInfo, "x", {{"a", "1\n2\r\n3"}});
    CHECK(line.find_first_of("\r\n") == std::string::npos);
  }
}

TEST_CASE("levels below the lowest are off") {
  ConfigureLog(LogFormat::kText, LogLevel::kWarning);
  CHECK_FALSE(LogEnabled(LogLevel::kInfo));
  CHECK(LogEnabled(LogLevel::kWarning));
  CHECK(LogEnabled(LogLevel::kError));
  ConfigureLog(LogFormat::kText, LogLevel::kInfo);
  CHECK(LogEnabled(LogLevel::kInfo));
}

}  // namespace
}  // namespace predictd
