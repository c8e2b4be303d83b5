#include "server/sql/libpq_handle.h"

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/postgres_error.h"

namespace predictd {
namespace {

// A wait is cut into pieces of this length at most, since poll's time is an int.
constexpr absl::Duration kLongestPoll = absl::Minutes(1);

}  // namespace

bool WaitForSocket(const PGconn* session, short events, absl::Time deadline, const Clock& clock) {
  pollfd socket{PQsocket(session), events, 0};
  if (socket.fd < 0) return true;
  while (true) {
    const absl::Duration left = deadline - clock.Now();
    if (left <= absl::ZeroDuration()) return false;
    const absl::Duration piece = std::min(left, kLongestPoll);
    if (::poll(&socket, 1, static_cast<int>(absl::ToInt64Milliseconds(piece)) + 1) > 0) return true;
  }
}

absl::StatusOr<LibpqSession> ConnectPostgres(const PostgresOptions& options, size_t attempt,
                                             absl::Time deadline, const Clock& clock) {
  LibpqSession session(options.Start(attempt));
  if (session == nullptr) return absl::UnavailableError("no memory for a connection");
  // Gives the SQLSTATE, which libpq does not tell otherwise while it connects.
  PQsetErrorVerbosity(session.get(), PQERRORS_VERBOSE);
  // libpq would print notices to stderr.
  PQsetNoticeReceiver(
      session.get(), [](void*, const PGresult*) {}, nullptr);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  if (PQstatus(session.get()) == CONNECTION_BAD) return PostgresConnectError(session.get());
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return PostgresConnectError(session.get());
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitForSocket(session.get(), events, deadline, clock)) {
      return absl::DeadlineExceededError("no answer to the attempt to connect");
    }
    next = PQconnectPoll(session.get());
  }
  PQsetErrorVerbosity(session.get(), PQERRORS_DEFAULT);
  return session;
}

absl::StatusOr<LibpqSession> OpenPostgres(const PostgresOptions& options, size_t attempt,
                                          absl::Duration statement_timeout, absl::Time deadline) {
  auto session = ConnectPostgres(options, attempt, deadline, SystemClock());
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
      if (!WaitForSocket(session, POLLIN, deadline, SystemClock())) {
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
    return PostgresReadError(result.get());
  }
  return result;
}

}  // namespace predictd
