// What a connection makes of the server's answers.
#include <utility>

#include "server/sql/postgres_connection.h"
#include "server/sql/postgres_error.h"
#include "server/sql/postgres_pool.h"
#include "server/sql/postgres_read.h"

namespace predictd {
namespace {

// libpq ends each statement's results with a null, and gives another only where nothing is due.
constexpr int kMostNulls = 2;

// With TLS, what one call did not take from the record waits there without the socket knowing.
int LooksPerTurn(PGconn* session) { return PQsslInUse(session) != 0 ? 2 : 1; }

}  // namespace

bool PostgresConnection::Read() {
  const bool progress = TakeResults();
  // Not among the results: what is sent there hides from libpq where one statement's end.
  pool_.DispatchWaiting();
  return progress;
}

bool PostgresConnection::TakeResults() {
  size_t results = 0;
  for (int look = LooksPerTurn(session_.get()); look > 0; --look) {
    const bool alive = PQconsumeInput(session_.get()) != 0;
    int nulls = 0;
    while (!queue_.empty() && PQisBusy(session_.get()) == 0) {
      const LibpqResult result(PQgetResult(session_.get()));
      if (result != nullptr) {
        nulls = 0;
        ++results;
        TakeResult(result.get());
        if (session_ == nullptr) return true;
      } else if (queue_.front().answered) {
        Pop();
      } else if (++nulls > kMostNulls) {
        Disconnect(absl::DataLossError("no answer where one is due"));
        return true;
      }
    }
    if (!alive || PQstatus(session_.get()) == CONNECTION_BAD) {
      Disconnect(absl::UnavailableError(PostgresMessage(session_.get())));
      return true;
    }
  }
  if (results > 0) silent_since_ = loop_.Now();
  return results > 0;
}

void PostgresConnection::Pop() {
  queue_.pop_front();
  ++first_;
  if (synced_ > 0) --synced_;
}

void PostgresConnection::TakeResult(const PGresult* result) {
  Entry& entry = queue_.front();
  const bool sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
  if (sync != (entry.kind == Kind::kSync) || entry.answered) {
    Disconnect(absl::DataLossError("an answer that nobody asked for"));
    return;
  }
  entry.answered = true;
  switch (entry.kind) {
    case Kind::kSync:
      not_prepared_ = absl::OkStatus();
      Pop();
      break;
    case Kind::kPrepare:
      TakePrepared(entry, result);
      break;
    case Kind::kRead:
      if (PostgresRead* const read = std::exchange(entry.read, nullptr); read != nullptr) {
        --reads_;
        read->connection_ = nullptr;
        TakeRow(read, result);
      }
      break;
  }
}

void PostgresConnection::TakePrepared(const Entry& entry, const PGresult* result) {
  if (PQresultStatus(result) == PGRES_COMMAND_OK) {
    answering_ = entry.statement;
    return;
  }
  if (sending_ == entry.statement) sending_.reset();
  if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) return;
  // The server has thrown away the statement before as well.
  answering_.reset();
  not_prepared_ = PostgresReadError(result);
  not_prepared_state_ = std::string(SqlState(result));
  if (EndsSession(result)) Disconnect(absl::UnavailableError(not_prepared_.message()));
}

void PostgresConnection::TakeRow(PostgresRead* read, const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK && answering_ != nullptr) {
    pool_.Answered(*read, PostgresRow(result, answering_->schema, read->sent_));
    return;
  }
  if (status == PGRES_PIPELINE_ABORTED) {
    if (not_prepared_.ok()) {
      pool_.NotRun(*read);
    } else {
      pool_.Failed(*read, not_prepared_, not_prepared_state_);
    }
    return;
  }
  const absl::Status error = PostgresReadError(result);
  const absl::string_view state = SqlState(result);
  if (EndsSession(result)) {
    // This read is lost with the others.
    queue_.front().read = read;
    read->connection_ = this;
    Disconnect(absl::UnavailableError(error.message()));
  } else if (state == "26000") {
    // Prepared and gone: something between us and the server shares its sessions.
    sending_.reset();
    pool_.Lost(*read, error);
  } else {
    pool_.Failed(*read, error, state);
  }
}

}  // namespace predictd
