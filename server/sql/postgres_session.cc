#include "server/sql/postgres_session.h"

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/postgres_error.h"

namespace predictd {
namespace {

constexpr int kBinary = 1;

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresSession>> PostgresSession::Connect(
    const PostgresOptions& server, size_t attempt, absl::Time deadline, const Clock& clock) {
  auto connection = ConnectPostgres(server, attempt, deadline, clock);
  if (!connection.ok()) {
    const absl::Status& why = connection.status();
    return absl::Status(why.code(), absl::StrCat("'", server.shown(), "': ", why.message()));
  }
  std::unique_ptr<PostgresSession> session(
      new PostgresSession(server, *std::move(connection), clock));
  PGconn* const handle = session->connection_.get();
  if (PQsetnonblocking(handle, 1) != 0 || PQenterPipelineMode(handle) != 1) return session->Lost();
  return session;
}

absl::StatusOr<std::vector<PostgresResult>> PostgresSession::Transact(
    absl::Span<const PostgresStatement> statements, absl::Time deadline) {
  PREDICTD_RETURN_IF_ERROR(Send(statements, deadline));
  auto results = Receive(deadline);
  if (results.ok()) return results;
  if (!broken_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) Rollback(deadline);
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
    return PQsendQueryParams(connection_.get(), statement.sql.c_str(),
                             static_cast<int>(values.size()), nullptr, values.data(),
                             lengths.data(), formats.data(), 0) == 1;
  };
  const int64_t milliseconds =
      std::max<int64_t>(1, absl::ToInt64Milliseconds(deadline - clock_.Now()));
  bool sent =
      send({"BEGIN"}) && send({absl::StrCat("SET LOCAL statement_timeout = ", milliseconds)});
  for (const PostgresStatement& statement : statements) sent = sent && send(statement);
  if (!sent || !send({"COMMIT"}) || PQpipelineSync(connection_.get()) != 1) return Lost();
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
  if (PQsendQueryParams(connection_.get(), "ROLLBACK", 0, nullptr, nullptr, nullptr, nullptr, 0) !=
          1 ||
      PQpipelineSync(connection_.get()) != 1 || !Flush(deadline).ok()) {
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

absl::StatusOr<PGresult*> PostgresSession::Next(absl::Time deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    PREDICTD_RETURN_IF_ERROR(Wait(POLLIN, deadline));
    if (PQconsumeInput(connection_.get()) != 1) return Lost();
  }
  PGresult* const result = PQgetResult(connection_.get());
  // On a lost connection libpq has nothing for ever.
  if (result == nullptr && PQstatus(connection_.get()) == CONNECTION_BAD) return Lost();
  return result;
}

absl::Status PostgresSession::Flush(absl::Time deadline) {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Lost();
    PREDICTD_RETURN_IF_ERROR(Wait(POLLIN | POLLOUT, deadline));
    if (PQconsumeInput(connection_.get()) != 1) return Lost();
  }
}

absl::Status PostgresSession::Wait(short events, absl::Time deadline) {
  if (WaitForSocket(connection_.get(), events, deadline, clock_)) return absl::OkStatus();
  broken_ = true;
  return absl::DeadlineExceededError(absl::StrCat("'", name_, "': no answer in time"));
}

absl::Status PostgresSession::Error(const PGresult* result) const {
  const absl::Status error = PostgresError(result);
  return absl::Status(error.code(), absl::StrCat("'", name_, "': ", error.message()));
}

absl::Status PostgresSession::Lost() {
  broken_ = true;
  return absl::UnavailableError(
      absl::StrCat("'", name_, "': ", PostgresMessage(connection_.get())));
}

}  // namespace predictd
