#include "server/base/log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/time/clock.h"
#include "server/base/json.h"
#include "server/base/mutex.h"

namespace predictd {
namespace {

std::atomic<LogFormat> log_format{LogFormat::kText};
std::atomic<LogLevel> lowest_level{LogLevel::kInfo};

std::atomic<uint64_t> dropped_lines{0};
// Of two threads that both find room for one line, the second would wait for the reader.
Mutex stderr_mutex;
uint64_t told_lines ABSL_GUARDED_BY(stderr_mutex) = 0;  // of the dropped ones
bool line_open ABSL_GUARDED_BY(stderr_mutex) = false;   // the last one was cut off

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

// False where stderr does not take all of it at once. A pipe that says there is room has it for
// PIPE_BUF bytes.
bool Write(absl::string_view text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(stderr_mutex) {
  while (!text.empty()) {
    pollfd room = {STDERR_FILENO, POLLOUT, 0};
    if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
    const size_t size = std::min<size_t>(text.size(), PIPE_BUF);
    const ssize_t written = ::write(STDERR_FILENO, text.data(), size);
    if (written <= 0) return false;
    line_open = text[written - 1] != '\n';
    text.remove_prefix(written);
  }
  return true;
}

bool WriteLine(std::string line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(stderr_mutex) {
  line += '\n';
  if (line_open) line.insert(0, 1, '\n');
  return Write(line);
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
  const absl::Time now = absl::Now();
  std::string line = FormatLogLine(log_format, now, level, message, fields);
  MutexLock lock(stderr_mutex);
  const uint64_t untold = dropped_lines - told_lines;
  if (untold > 0 && WriteLine(FormatLogLine(log_format, now, LogLevel::kWarning,
                                            "log lines were dropped", {{"lines", untold}}))) {
    told_lines += untold;
  }
  if (!WriteLine(std::move(line))) ++dropped_lines;
}

uint64_t DroppedLogLines() { return dropped_lines; }

}  // namespace predictd
