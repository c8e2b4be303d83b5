#include "server/sql/libpq_handle.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/clock.h"
#include "server/base/status.h"

namespace predictd {
namespace {

// False at the deadline.
bool WaitForSocket(const PGconn* session, short events, absl::Time deadline) {
  pollfd socket{PQsocket(session), events, 0};
  while (true) {
    const absl::Duration left = deadline - SystemClock().Now();
    if (left <= absl::ZeroDuration()) return false;
    const int64_t milliseconds = absl::ToInt64Milliseconds(left) + 1;
    const int ready = ::poll(&socket, 1, static_cast<int>(std::min<int64_t>(milliseconds, 60000)));
    if (ready > 0) return true;
  }
}

// Where the SQLSTATE of a verbose message stands ("FATAL:  28P01: password ..."), or npos.
size_t FindSqlState(absl::string_view message) {
  for (const absl::string_view severity : {"FATAL:  ", "ERROR:  ", "PANIC:  "}) {
    const size_t at = message.rfind(severity);
    if (at == absl::string_view::npos) continue;
    const absl::string_view state = message.substr(at + severity.size(), 6);
    if (state.size() == 6 && state[5] == ':' &&
        std::all_of(state.begin(), state.end() - 1, absl::ascii_isalnum)) {
      return at + severity.size();
    }
  }
  return absl::string_view::npos;
}

absl::Status ConnectError(const PGconn* session) {
  std::string message = PostgresMessage(session);
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  const size_t at = FindSqlState(message);
  if (at != std::string::npos) {
    const std::string state = message.substr(at, 5);
    message.erase(at, 7);
    if (absl::StartsWith(state, "28") || state == "42501") {
      code = absl::StatusCode::kPermissionDenied;
    } else if (state == "3D000") {
      code = absl::StatusCode::kNotFound;
    }
  } else if (PQconnectionNeedsPassword(session) != 0) {
    code = absl::StatusCode::kPermissionDenied;
  } else if (absl::StrContains(message, "expected authentication request") ||
             absl::StrContains(message, "received invalid response")) {
    code = absl::StatusCode::kDataLoss;
  }
  return absl::Status(code, message);
}

absl::StatusOr<LibpqSession> Connect(const PostgresOptions& options, size_t attempt,
                                     absl::Time deadline) {
  LibpqSession session(options.Start(attempt));
  if (session == nullptr) return absl::UnavailableError("no memory for a connection");
  // Gives the SQLSTATE, which libpq does not tell otherwise while it connects.
  PQsetErrorVerbosity(session.get(), PQERRORS_VERBOSE);
  // libpq would print notices to stderr.
  PQsetNoticeReceiver(
      session.get(), [](void*, const PGresult*) {}, nullptr);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  if (PQstatus(session.get()) == CONNECTION_BAD) return ConnectError(session.get());
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return ConnectError(session.get());
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitForSocket(session.get(), events, deadline)) {
      return absl::DeadlineExceededError("no answer to the attempt to connect");
    }
    next = PQconnectPoll(session.get());
  }
  PQsetErrorVerbosity(session.get(), PQERRORS_DEFAULT);
  return session;
}

}  // namespace

absl::StatusOr<LibpqSession> OpenPostgres(const PostgresOptions& options, size_t attempt,
                                          absl::Duration statement_timeout, absl::Time deadline) {
  auto session = Connect(options, attempt, deadline);
  PREDICTD_RETURN_IF_ERROR(session.status());
  const int64_t milliseconds = std::max<int64_t>(1, absl::ToInt64Milliseconds(statement_timeout));
  const auto limited = RunPostgres(
      session->get(), absl::StrCat("SET statement_timeout = ", milliseconds), {}, deadline);
  PREDICTD_RETURN_IF_ERROR(limited.status());
  // One plan for all users, made once. Servers before 12 do not know it.
  const auto planned =
      RunPostgres(session->get(), "SET plan_cache_mode = force_generic_plan", {}, deadline);
  if (!planned.ok() && !absl::IsInternal(planned.status())) return planned.status();
  return session;
}

absl::StatusOr<LibpqResult> RunPostgres(PGconn* session, const std::string& sql,
                                        absl::Span<const std::string> parameters,
                                        absl::Time deadline) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  const auto lost = [session] { return absl::UnavailableError(PostgresMessage(session)); };
  if (PQsendQueryParams(session, sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0) {
    return lost();
  }
  LibpqResult result;
  while (true) {
    while (PQisBusy(session) != 0) {
      if (!WaitForSocket(session, POLLIN, deadline)) {
        return absl::DeadlineExceededError("no answer in time");
      }
      if (PQconsumeInput(session) == 0) return lost();
    }
    LibpqResult next(PQgetResult(session));
    if (next == nullptr) break;
    result = std::move(next);
  }
  if (result == nullptr) return lost();
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    if (PQstatus(session) == CONNECTION_BAD) return lost();
    return PostgresError(result.get());
  }
  return result;
}

absl::string_view SqlState(const PGresult* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

absl::Status PostgresError(const PGresult* result) {
  const char* const primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string message(
      absl::StripAsciiWhitespace(primary != nullptr ? primary : PQresultErrorMessage(result)));
  const absl::string_view state = SqlState(result);
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (state == "42501" || absl::StartsWith(state, "28")) {
    code = absl::StatusCode::kPermissionDenied;
  } else if (state == "57014") {
    code = absl::StatusCode::kDeadlineExceeded;
  } else if (absl::StartsWith(state, "57P") || absl::StartsWith(state, "08") || state.empty()) {
    code = absl::StatusCode::kUnavailable;
  }
  return absl::Status(code, message);
}

std::string PostgresMessage(const PGconn* session) {
  std::vector<absl::string_view> lines;
  const absl::string_view message = PQerrorMessage(session);
  for (const absl::string_view line : absl::StrSplit(message, '\n')) {
    // libpq guesses at reasons, indented.
    if (absl::StartsWith(line, "\t")) continue;
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!text.empty() && !absl::StartsWith(text, "LOCATION:")) lines.push_back(text);
  }
  return lines.empty() ? "the connection is lost" : absl::StrJoin(lines, "; ");
}

}  // namespace predictd
