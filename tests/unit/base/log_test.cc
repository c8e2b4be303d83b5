#include "server/base/log.h"

#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/fakes/full_pipe.h"

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

TEST_CASE("lines that stderr does not take are dropped, counted and told with the next one") {
  FullPipe pipe;
  const uint64_t before = DroppedLogLines();
  const int ours = dup(STDERR_FILENO);
  dup2(pipe.writer(), STDERR_FILENO);
  for (int i = 0; i < 3; ++i) Log(LogLevel::kInfo, "lost");
  const uint64_t lost = DroppedLogLines() - before;
  pipe.Drain();
  Log(LogLevel::kInfo, "taken");
  const std::string taken = pipe.Drain();
  // Fits only in part.
  Log(LogLevel::kInfo, std::string(1 << 20, 'x'));
  pipe.Drain();
  Log(LogLevel::kInfo, "next");
  const std::string next = pipe.Drain();
  dup2(ours, STDERR_FILENO);
  close(ours);

  CHECK(lost == 3);
  CHECK(absl::StrContains(taken, "Z warning log lines were dropped lines=3\n"));
  CHECK(absl::EndsWith(taken, "Z info taken\n"));
  CHECK(DroppedLogLines() - before == 4);
  // The line that was cut off is not gone on with.
  CHECK(absl::StartsWith(next, "\n"));
  CHECK(absl::StrContains(next, "Z warning log lines were dropped lines=1\n"));
}

}  // namespace
}  // namespace predictd
