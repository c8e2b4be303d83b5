#include "server/sql/postgres_error.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace predictd {
namespace {

constexpr size_t kSqlstateSize = 5;

bool IsSqlstate(absl::string_view text) {
  return text.size() == kSqlstateSize && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || absl::ascii_isupper(c);
         });
}

// Takes the SQLSTATE out of "FATAL:  28P01: password authentication failed"; empty without one.
std::string TakeSqlstate(std::string& line) {
  constexpr absl::string_view kBefore = ":  ";
  constexpr absl::string_view kAfter = ": ";
  const absl::string_view text = line;
  for (size_t at = text.find(kBefore); at != text.npos; at = text.find(kBefore, at + 1)) {
    const size_t code_at = at + kBefore.size();
    const absl::string_view rest = text.substr(code_at);
    std::string code(rest.substr(0, kSqlstateSize));
    if (!IsSqlstate(code) || !absl::StartsWith(rest.substr(kSqlstateSize), kAfter)) continue;
    line.erase(code_at, kSqlstateSize + kAfter.size());
    return code;
  }
  return "";
}

}  // namespace

absl::StatusCode PostgresErrorCode(absl::string_view sqlstate) {
  const absl::string_view error_class = sqlstate.substr(0, 2);
  if (sqlstate == "57014") return absl::StatusCode::kDeadlineExceeded;  // query_canceled
  if (sqlstate == "42501") return absl::StatusCode::kPermissionDenied;
  if (sqlstate == "3D000") return absl::StatusCode::kNotFound;
  if (sqlstate == "25006") return absl::StatusCode::kUnavailable;  // read_only_sql_transaction
  if (sqlstate == "55P03") return absl::StatusCode::kAborted;      // lock_not_available
  if (error_class == "40") return absl::StatusCode::kAborted;
  if (error_class == "28") return absl::StatusCode::kPermissionDenied;
  // Data, constraints, what a trigger raises, and sizes such as an index's longest entry.
  for (const absl::string_view refusal : {"21", "22", "23", "44", "54", "P0"}) {
    if (error_class == refusal) return absl::StatusCode::kInvalidArgument;
  }
  // Connection, resources, operator, system.
  for (const absl::string_view passing : {"08", "53", "55", "57", "58"}) {
    if (error_class == passing) return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kInternal;
}

absl::Status PostgresConnectError(absl::string_view message) {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::string text;
  // With several hosts a line for each: the last one's code is what counts.
  for (const absl::string_view part : absl::StrSplit(message, '\n')) {
    std::string line(absl::StripAsciiWhitespace(part));
    if (line.empty() || absl::StartsWith(line, "LOCATION:")) continue;
    const std::string sqlstate = TakeSqlstate(line);
    if (!sqlstate.empty()) code = PostgresErrorCode(sqlstate);
    if (!text.empty()) text += ' ';
    text += line;
  }
  // Before there is a session only a refusal is more than a server that cannot be used now.
  if (code != absl::StatusCode::kPermissionDenied && code != absl::StatusCode::kNotFound) {
    code = absl::StatusCode::kUnavailable;
  }
  return absl::Status(code, text);
}

}  // namespace predictd
