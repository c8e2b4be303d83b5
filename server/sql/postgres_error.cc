#include "server/sql/postgres_error.h"

#include <libpq-fe.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace predictd {
namespace {

constexpr size_t kSqlstateSize = 5;

// libpq has nothing to say.
constexpr absl::string_view kLost = "the connection is lost";

std::vector<std::string> Lines(absl::string_view message) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(message, '\n')) {
    // libpq guesses at reasons, indented.
    if (absl::StartsWith(line, "\t")) continue;
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!text.empty() && !absl::StartsWith(text, "LOCATION:")) lines.emplace_back(text);
  }
  return lines;
}

std::string OneLine(const std::vector<std::string>& lines) {
  return lines.empty() ? std::string(kLost) : absl::StrJoin(lines, "; ");
}

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

absl::string_view SqlState(const pg_result* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

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

absl::Status PostgresError(const pg_result* result) {
  const absl::string_view state = SqlState(result);
  const char* const primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return absl::Status(state.empty() ? absl::StatusCode::kUnavailable : PostgresErrorCode(state),
                      OneLine(Lines(primary != nullptr ? primary : PQresultErrorMessage(result))));
}

absl::Status PostgresReadError(const pg_result* result) {
  absl::Status error = PostgresError(result);
  return absl::IsInvalidArgument(error) ? absl::InternalError(error.message()) : error;
}

bool EndsSession(const pg_result* result) {
  if (SqlState(result).empty()) return true;
  // Servers before 9.6, and some of what stands between, send only the one in their language.
  const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr) severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
  const absl::string_view text = severity == nullptr ? "" : severity;
  return text == "FATAL" || text == "PANIC";
}

absl::Status PostgresConnectError(const pg_conn* session) {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::vector<std::string> lines = Lines(PQerrorMessage(session));
  bool answered = false;
  // With several hosts a line for each: the last one's code is what counts.
  for (std::string& line : lines) {
    const std::string sqlstate = TakeSqlstate(line);
    if (sqlstate.empty()) continue;
    code = PostgresErrorCode(sqlstate);
    answered = true;
  }
  const std::string message = OneLine(lines);
  if (!answered && PQconnectionNeedsPassword(session) != 0) {
    code = absl::StatusCode::kPermissionDenied;
  } else if (!answered && (absl::StrContains(message, "expected authentication request") ||
                           absl::StrContains(message, "received invalid response"))) {
    code = absl::StatusCode::kDataLoss;
  } else if (code != absl::StatusCode::kPermissionDenied && code != absl::StatusCode::kNotFound) {
    // Before there is a session only a refusal is more than a server that cannot be used now.
    code = absl::StatusCode::kUnavailable;
  }
  return absl::Status(code, message);
}

absl::string_view PostgresConnectRemedy(const absl::Status& error) {
  if (absl::IsPermissionDenied(error)) return "; check the user and the password that it names";
  return absl::IsNotFound(error) ? "; name a database that is there" : "";
}

std::string PostgresMessage(const pg_conn* session) {
  return OneLine(Lines(PQerrorMessage(session)));
}

}  // namespace predictd
