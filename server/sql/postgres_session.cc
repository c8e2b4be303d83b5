#include "server/sql/postgres_session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/base/status.h"
#include "server/sql/postgres_error.h"

namespace predictd {
namespace {

constexpr int kBinary = 1;

// A wait is cut into pieces of this length at most, since poll's time is an int.
constexpr absl::Duration kLongestPoll = absl::Minutes(1);

void IgnoreNotice(void*, const PGresult*) {}

// What the address may change stands before it, what it may not after it.
constexpr std::array<const char*, 9> kKeywords = {"fallback_application_name",
                                                  "keepalives_idle",
                                                  "keepalives_interval",
                                                  "keepalives_count",
                                                  "tcp_user_timeout",
                                                  "dbname",
                                                  "client_encoding",
                                                  nullptr,
                                                  nullptr};

PGconn* StartConnecting(const std::string& uri) {
  const std::array<const char*, kKeywords.size()> values = {
      "predictd", "10", "5", "3", "15000", uri.c_str(), "UTF8", nullptr, nullptr};
  return PQconnectStartParams(kKeywords.data(), values.data(), /*expand_dbname=*/1);
}

std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{"\n\t", " "}, {"\n", " "}});
}

}  // namespace

std::string PostgresServerName(const std::string& uri) {
  PQconninfoOption* const options = PQconninfoParse(uri.c_str(), nullptr);
  if (options == nullptr) return "PostgreSQL";
  const auto value = [options](absl::string_view keyword) -> absl::string_view {
    for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
      if (option->keyword == keyword && option->val != nullptr) return option->val;
    }
    return "";
  };
  std::string name = absl::StrCat("postgresql://", value("host"));
  if (value("host").empty()) absl::StrAppend(&name, value("hostaddr"));
  if (!value("port").empty()) absl::StrAppend(&name, ":", value("port"));
  absl::StrAppend(&name, "/", value("dbname"));
  PQconninfoFree(options);
  return name;
}

absl::StatusOr<std::unique_ptr<PostgresSession>> PostgresSession::Connect(const std::string& uri,
                                                                          absl::Time deadline,
                                                                          const Clock& clock) {
  std::unique_ptr<PostgresSession> session(new PostgresSession(PostgresServerName(uri), clock));
  PGconn* const connection = session->connection_ = StartConnecting(uri);
  if (connection == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection, IgnoreNotice, nullptr);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD) {
      const absl::Status why = PostgresConnectError(PQerrorMessage(connection));
      const bool refused = PQconnectionNeedsPassword(connection) != 0;
      return absl::Status(refused ? absl::StatusCode::kPermissionDenied : why.code(),
                          absl::StrCat("'", session->name_, "': ", why.message()));
    }
    PREDICTD_RETURN_IF_ERROR(
        session->Wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline));
    state = PQconnectPoll(connection);
  }
  if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1) {
    return session->Lost();
  }
  return session;
}

PostgresSession::~PostgresSession() { PQfinish(connection_); }

absl::StatusOr<std::vector<PostgresResult>> PostgresSession::Transact(
    absl::Span<const PostgresStatement> statements, absl::Time deadline) {
  PREDICTD_RETURN_IF_ERROR(Send(statements, deadline));
  auto results = Receive(deadline);
  if (results.ok()) return results;
  if (!broken_ && PQtransactionStatus(connection_) != PQTRANS_IDLE) Rollback(deadline);
  return results;
}

absl::Status PostgresSession::Send(absl::Span<const PostgresStatement> statements,
                                   absl::Time deadline) {
  const auto send = [this](const PostgresStatement& statement) {
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const absl::string_view parameter : statement.parameters) {
      // A null pointer would be NULL, which is not the empty text.
      values.push_back(parameter.data() == nullptr ? "" : parameter.data());
      lengths.push_back(static_cast<int>(parameter.size()));
    }
    const std::vector<int> formats(values.size(), kBinary);
    return PQsendQueryParams(connection_, statement.sql.c_str(), static_cast<int>(values.size()),
                             nullptr, values.data(), lengths.data(), formats.data(), 0) == 1;
  };
  const int64_t milliseconds =
      std::max<int64_t>(1, absl::ToInt64Milliseconds(deadline - clock_.Now()));
  bool sent =
      send({"BEGIN"}) && send({absl::StrCat("SET LOCAL statement_timeout = ", milliseconds)});
  for (const PostgresStatement& statement : statements) sent = sent && send(statement);
  if (!sent || !send({"COMMIT"}) || PQpipelineSync(connection_) != 1) return Lost();
  return Flush(deadline);
}

absl::StatusOr<std::vector<PostgresResult>> PostgresSession::Receive(absl::Time deadline) {
  std::vector<PostgresResult> results;
  absl::Status failure;
  while (true) {
    const auto next = Next(deadline);
    if (!next.ok()) return failure.ok() ? next.status() : failure;
    if (*next == nullptr) continue;
    PostgresResult result(*next);
    const ExecStatusType status = PQresultStatus(*next);
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      results.push_back(std::move(result));
    } else if (status != PGRES_PIPELINE_ABORTED && failure.ok()) {
      failure = Error(*next);
    }
  }
  PREDICTD_RETURN_IF_ERROR(failure);
  // Without BEGIN, SET and COMMIT.
  results.pop_back();
  results.erase(results.begin(), results.begin() + 2);
  return results;
}

void PostgresSession::Rollback(absl::Time deadline) {
  if (PQsendQueryParams(connection_, "ROLLBACK", 0, nullptr, nullptr, nullptr, nullptr, 0) != 1 ||
      PQpipelineSync(connection_) != 1 || !Flush(deadline).ok()) {
    broken_ = true;
    return;
  }
  bool synchronised = false;
  while (!broken_ && !synchronised) {
    const auto next = Next(deadline);
    if (!next.ok() || *next == nullptr) continue;
    const PostgresResult result(*next);
    synchronised = PQresultStatus(*next) == PGRES_PIPELINE_SYNC;
  }
}

absl::StatusOr<pg_result*> PostgresSession::Next(absl::Time deadline) {
  while (PQisBusy(connection_) != 0) {
    PREDICTD_RETURN_IF_ERROR(Wait(POLLIN, deadline));
    if (PQconsumeInput(connection_) != 1) return Lost();
  }
  pg_result* const result = PQgetResult(connection_);
  // On a lost connection libpq has nothing for ever.
  if (result == nullptr && PQstatus(connection_) == CONNECTION_BAD) return Lost();
  return result;
}

absl::Status PostgresSession::Flush(absl::Time deadline) {
  while (true) {
    const int left = PQflush(connection_);
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Lost();
    PREDICTD_RETURN_IF_ERROR(Wait(POLLIN | POLLOUT, deadline));
    if (PQconsumeInput(connection_) != 1) return Lost();
  }
}

absl::Status PostgresSession::Wait(short events, absl::Time deadline) {
  while (true) {
    const absl::Duration left = deadline - clock_.Now();
    if (left <= absl::ZeroDuration()) {
      broken_ = true;
      return absl::DeadlineExceededError(absl::StrCat("'", name_, "': no answer in time"));
    }
    pollfd socket = {PQsocket(connection_), events, 0};
    if (socket.fd < 0) return Lost();
    const absl::Duration piece = std::min(left, kLongestPoll);
    const int ready = ::poll(&socket, 1, static_cast<int>(absl::ToInt64Milliseconds(piece)) + 1);
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Lost();
  }
}

absl::Status PostgresSession::Error(const pg_result* result) const {
  const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  // libpq's own errors, such as of a lost connection, have neither. The detail is left out: it may
  // show a user's row.
  return absl::Status(
      sqlstate == nullptr ? absl::StatusCode::kUnavailable : PostgresErrorCode(sqlstate),
      absl::StrCat("'", name_,
                   "': ", OneLine(message == nullptr ? PQresultErrorMessage(result) : message)));
}

absl::Status PostgresSession::Lost() {
  broken_ = true;
  return absl::UnavailableError(
      absl::StrCat("'", name_, "': ", OneLine(PQerrorMessage(connection_))));
}

}  // namespace predictd
