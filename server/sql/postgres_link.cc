#include "server/sql/postgres_link.h"

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace predictd {
namespace {

// Nothing where a pooler stands between: it tells numbers of its own, and shares the server's
// processes with others.
constexpr char kSelectBackend[] =
    "SELECT extract(epoch FROM backend_start)::text FROM pg_catalog.pg_stat_activity "
    "WHERE pid = pg_backend_pid() AND pid::text = $1::text";

constexpr char kEndBackend[] =
    "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
    "WHERE pid::text = $1::text AND extract(epoch FROM backend_start)::text = $2::text";

}  // namespace

absl::Status PostgresLink::Connect() {
  if (connected()) return absl::OkStatus();
  PREDICTD_RETURN_IF_ERROR(server_.status());
  const absl::Time deadline = clock_.Now() + timeout_;
  auto session = PostgresSession::Connect(*server_, failed_attempts_, deadline, clock_);
  if (!session.ok()) {
    ++failed_attempts_;
    return session.status();
  }
  session_ = *std::move(session);
  EndLeftBehind(deadline);
  const absl::Status noted = NoteBackend(deadline);
  if (!session_->broken()) return absl::OkStatus();
  ++failed_attempts_;
  session_.reset();
  return noted;
}

void PostgresLink::CloseUnless(bool useful) {
  if (!connected() || (useful && !session_->broken())) return;
  if (session_->broken()) left_behind_ = backend_;
  session_.reset();
}

void PostgresLink::EndLeftBehind(absl::Time deadline) {
  if (left_behind_.number.empty()) return;
  const PostgresStatement end{kEndBackend, {left_behind_.number, left_behind_.start}};
  // It has ended by itself, or is not ours to end: either is as good.
  session_->Transact({&end, 1}, deadline).status().IgnoreError();
  if (!session_->broken()) left_behind_ = {};
}

absl::Status PostgresLink::NoteBackend(absl::Time deadline) {
  backend_ = {};
  const std::string number = absl::StrCat(session_->backend());
  const PostgresStatement select{kSelectBackend, {number}};
  const auto found = session_->Transact({&select, 1}, deadline);
  PREDICTD_RETURN_IF_ERROR(found.status());
  const PostgresResult& row = found->front();
  if (row.rows() > 0) backend_ = {number, std::string(row.Text(0, 0))};
  return absl::OkStatus();
}

}  // namespace predictd
