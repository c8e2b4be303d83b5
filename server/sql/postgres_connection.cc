#include "server/sql/postgres_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/sql/postgres_error.h"
#include "server/sql/postgres_pool.h"
#include "server/sql/postgres_read.h"

namespace predictd {
namespace {

// The server keeps rows back until it has some kilobytes, is told to send or meets the sync: told
// more often it writes more often, told less often the first rows of many slow ones come late.
constexpr int kReadsPerFlush = 16;

// A session that did not last this long does not make the next attempt quick.
constexpr absl::Duration kStable = absl::Seconds(1);

// The unnamed statement: preparing it again replaces it, so none are left behind.
constexpr char kStatement[] = "";

}  // namespace

PostgresConnection::PostgresConnection(PostgresPool& pool, Loop& loop, Watcher& watcher,
                                       PostgresKeeper& keeper, absl::Duration patience)
    : pool_(pool), loop_(loop), watcher_(watcher), keeper_(keeper), patience_(patience) {
  loop_.AddStep(*this);
}

PostgresConnection::~PostgresConnection() {
  loop_.Stop(*this);
  if (session_ != nullptr) watcher_.Forget(PQsocket(session_.get()));
}

void PostgresConnection::Connect(PostgresKeeper::Last last) {
  keeper_.Connect(loop_, last,
                  [this, wanted = std::weak_ptr<bool>(alive_)](PostgresKeeper::Connection& answer) {
                    if (!wanted.expired()) TakeSession(answer);
                  });
}

void PostgresConnection::TakeSession(PostgresKeeper::Connection& connection) {
  if (!connection.session.ok()) {
    Connect(PostgresKeeper::Last::kFailed);
    pool_.NotConnected(connection.session.status(), connection.first);
    return;
  }
  session_ = *std::move(connection.session);
  up_since_ = loop_.Now();
  pool_.Connected();
}

void PostgresConnection::Disconnect(absl::Status reason) {
  const bool late = absl::IsDeadlineExceeded(reason);
  watcher_.Forget(PQsocket(session_.get()));
  armed_.reset();
  fired_ = false;
  session_.reset();
  loop_.Stop(*this);
  sending_.reset();
  answering_.reset();
  not_prepared_ = absl::OkStatus();
  unflushed_ = 0;
  unwritten_ = false;
  broken_ = false;
  synced_ = 0;
  reads_ = 0;
  first_ += queue_.size();
  const std::deque<Entry> lost = std::exchange(queue_, {});
  const bool useful = !late && loop_.Now() - up_since_ >= kStable;
  Connect(useful ? PostgresKeeper::Last::kUseful : PostgresKeeper::Last::kShortLived);
  pool_.Disconnected(reason);
  for (const Entry& entry : lost) {
    if (entry.read != nullptr) pool_.Lost(*entry.read, reason);
  }
  pool_.DispatchWaiting();
}

void PostgresConnection::Send(PostgresRead& read,
                              const std::shared_ptr<const PostgresFeatureTable>& table) {
  PGconn* const session = session_.get();
  bool sent = true;
  if (sending_ == nullptr || sending_->table != table) {
    auto statement = std::make_shared<Statement>();
    statement->table = table;
    const auto holder = std::make_shared<std::shared_ptr<const Schema>>(table->schema);
    statement->schema = {holder, table->schema.get()};
    sending_ = statement;
    sent = PQsendPrepare(session, kStatement, table->select.c_str(), 0, nullptr) != 0;
    if (sent) queue_.push_back({Kind::kPrepare, nullptr, sending_});
  }
  const char* const key = read.user_id_.c_str();
  sent = sent &&
         PQsendQueryPrepared(session, kStatement, 1, &key, nullptr, nullptr, /*binary*/ 1) != 0;
  if (sent && ++unflushed_ >= kReadsPerFlush) {
    sent = PQsendFlushRequest(session) != 0;
    unflushed_ = 0;
  }
  // Whatever is wrong with the connection shows when the turn writes and reads.
  read.connection_ = this;
  read.number_ = first_ + queue_.size();
  read.sent_ = loop_.clock().WallNow();
  queue_.push_back({Kind::kRead, &read, nullptr});
  ++reads_;
  broken_ |= !sent;
}

void PostgresConnection::Leave(const PostgresRead& read) {
  queue_[read.number_ - first_].read = nullptr;
  --reads_;
}

bool PostgresConnection::Turn() {
  const bool fired = fired_.load(std::memory_order_relaxed) && fired_.exchange(false);
  if (fired) armed_.reset();
  if (session_ == nullptr) {
    if (std::exchange(started_, true)) return false;
    Connect(PostgresKeeper::Last::kUseful);
    return true;
  }
  // Right after sending there is nothing to read yet.
  const bool waits = synced_ > 0;
  bool progress = Write();
  if (session_ != nullptr && (waits || fired)) progress |= Read();
  return progress;
}

void PostgresConnection::BeforeSleep() {
  if (session_ == nullptr) return;
  if (fired_.load() && fired_.exchange(false)) armed_.reset();
  Watcher::Event event = Watcher::Event::kReadable;
  if (unwritten_) {
    event = Watcher::Event::kWritable;
  } else if (queue_.empty()) {
    event = Watcher::Event::kClosed;
  }
  if (armed_ == event) return;
  armed_ = event;
  watcher_.NudgeOnce(PQsocket(session_.get()), event, loop_, &fired_);
}

bool PostgresConnection::Write() {
  PGconn* const session = session_.get();
  const bool has_new = synced_ < queue_.size();
  if (!has_new && !unwritten_) return false;
  if (broken_ || (has_new && PQpipelineSync(session) == 0)) {
    Disconnect(absl::UnavailableError(PostgresMessage(session)));
    return true;
  }
  if (has_new) {
    queue_.push_back({Kind::kSync, nullptr, nullptr});
    unflushed_ = 0;
    if (synced_ == 0) silent_since_ = loop_.Now();
    synced_ = queue_.size();
    if (!running()) loop_.Start(*this, silent_since_ + patience_);
  }
  const int left = PQflush(session);
  if (left < 0) {
    Disconnect(absl::UnavailableError(PostgresMessage(session)));
    return true;
  }
  unwritten_ = left > 0;
  return has_new;
}

bool PostgresConnection::Overdue() const {
  return synced_ > 0 && loop_.Now() - silent_since_ >= patience_;
}

void PostgresConnection::CheckOldest() {
  // The late one may be our own loop: first all that is there is read.
  while (up() && Overdue() && Read()) {
  }
  if (!up() || synced_ == 0) return;
  if (Overdue()) {
    Disconnect(absl::DeadlineExceededError(
        absl::StrCat("no answer within ", absl::FormatDuration(patience_))));
    return;
  }
  // One timer for all: it is not moved with every answer, but looks again when it expires.
  loop_.Start(*this, silent_since_ + patience_);
}

}  // namespace predictd
