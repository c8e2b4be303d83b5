// One line per event on stderr, as text or JSON. What repeats per request belongs to kDebug; what
// changes (a store going down, a version published) is one line per change.
//
//   Log(LogLevel::kWarning, "redis is down", {{"address", address}, {"error", message}});
#ifndef PREDICTD_SERVER_BASE_LOG_H_
#define PREDICTD_SERVER_BASE_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };
enum class LogFormat { kText, kJson };

// A name and a value of any type that absl::StrCat takes.
struct LogField {
  template <typename Value>
  LogField(absl::string_view field_name, const Value& field_value)  // NOLINT: implicit by design
      : name(field_name), value(absl::StrCat(field_value)) {}
  LogField(absl::string_view field_name, absl::Duration field_value)
      : name(field_name), value(absl::FormatDuration(field_value)) {}

  absl::string_view name;
  std::string value;
};

// Any thread. Call ConfigureLog before other threads start; without it: text, kInfo.
void ConfigureLog(LogFormat format, LogLevel lowest);

// Cheap: ask before building fields of a per-request line.
bool LogEnabled(LogLevel level);

// Any thread. Never waits for who reads stderr: a line that a pipe, socket or full disk does not
// take at once is dropped, in whole or from somewhere on, and the next one that is taken comes
// after one that says how many were.
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

// Any thread; since the start.
uint64_t DroppedLogLines();

// The line itself, without its newline: what Log writes.
std::string FormatLogLine(LogFormat format, absl::Time when, LogLevel level,
                          absl::string_view message, std::initializer_list<LogField> fields);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_LOG_H_
