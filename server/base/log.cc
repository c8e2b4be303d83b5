#include "server/base/log.h"

#include <unistd.h>

#include <atomic>

#include "absl/time/clock.h"
#include "server/base/json.h"

namespace predictd {
namespace {

std::atomic<LogFormat> log_format{LogFormat::kText};
std::atomic<LogLevel> lowest_level{LogLevel::kInfo};

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

// A text value is quoted only where a reader could not tell its end.
bool NeedsQuotes(absl::string_view value) {
  return value.empty() || value.find_first_of(" \"\n\r\t=\\") != absl::string_view::npos;
}

}  // namespace

void ConfigureLog(LogFormat format, LogLevel lowest) {
  log_format = format;
  lowest_level = lowest;
}

bool LogEnabled(LogLevel level) { return level >= lowest_level.load(std::memory_order_relaxed); }

std::string FormatLogLine(LogFormat format, absl::Time when, LogLevel level,
                          absl::string_view message, std::initializer_list<LogField> fields) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", when, absl::UTCTimeZone());
  std::string line;
  if (format == LogFormat::kText) {
    absl::StrAppend(&line, time, " ", LevelName(level), " ", message);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.name, "=");
      if (NeedsQuotes(field.value)) {
        AppendJsonString(field.value, line);
      } else {
        line += field.value;
      }
    }
    return line;
  }
  absl::StrAppend(&line, R"({"time":")", time, R"(","level":")", LevelName(level),
                  R"(","message":)");
  AppendJsonString(message, line);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(field.name, line);
    line += ':';
    AppendJsonString(field.value, line);
  }
  line += '}';
  return line;
}

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  std::string line = FormatLogLine(log_format, absl::Now(), level, message, fields);
  line += '\n';
  // A full or closed stderr must not stop the server, and there is nowhere else to report it.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace predictd
