#include "server/sql/postgres_pool.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace predictd {
namespace {

// A server that is silent for this much longer than it may work on one statement hangs.
constexpr absl::Duration kGrace = absl::Milliseconds(100);

// Reads under way; beyond it they fail at once.
constexpr size_t kMostReads = 65536;

// While there is no table, reads ask for a look, but not each for one of its own.
constexpr absl::Duration kLookPause = absl::Milliseconds(100);

// The table is another one than was looked at, or its columns are.
bool MeansChangedTable(absl::string_view state) {
  const std::initializer_list<absl::string_view> states = {
      "0A000",  // feature_not_supported: the cached plan must not change its result's type
      "22P02",  // invalid_text_representation: a number has become a text
      "3F000",  // invalid_schema_name
      "42703",  // undefined_column
      "42804",  // datatype_mismatch
      "42809",  // wrong_object_type
      "42846",  // cannot_coerce
      "42883",  // undefined_function: no such comparison
      "42P01",  // undefined_table
  };
  return std::find(states.begin(), states.end(), state) != states.end();
}

// The user id is a text that the database's encoding cannot hold, so no row has it.
bool MeansUnknownUser(absl::string_view state) { return state == "22P05" || state == "22021"; }

// What a look says of the table, rather than of the way to the server.
bool MeansNoTable(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

}  // namespace

PostgresPool::PostgresPool(Loop& loop, Watcher& watcher, PostgresKeeper& keeper,
                           SourceErrors& errors, const PostgresKeeper::Look& first, Options options)
    : loop_(loop),
      keeper_(keeper),
      errors_(errors),
      options_(options),
      table_(first.table),
      without_since_(loop.Now()) {
  if (MeansNoTable(first.status)) {
    no_table_ = first.status;
  } else {
    down_ = first.status;
  }
  keeper_.OnLook(loop,
                 [this, wanted = std::weak_ptr<bool>(alive_)](const PostgresKeeper::Look& look) {
                   if (!wanted.expired()) Looked(look);
                 });
  const absl::Duration patience = options_.timeout + std::max(kGrace, options_.timeout / 4);
  for (int i = 0; i < options_.connections; ++i) {
    connections_.push_back(
        std::make_unique<PostgresConnection>(*this, loop, watcher, keeper, patience));
  }
}

PostgresPool::~PostgresPool() {
  if (reads_ == 0) return;
  // Their coroutines would resume into freed memory: better to end here, visibly.
  Log(LogLevel::kError, "a PostgreSQL source ended before its reads", {{"reads", reads_}});
  std::abort();
}

void PostgresPool::Begin(PostgresRead& read) {
  if (reads_ >= kMostReads) {
    read.Finish(absl::ResourceExhaustedError(absl::StrCat(reads_, " reads wait for it")));
    return;
  }
  ++reads_;
  keeper_.NoteRead();
  Dispatch(read);
}

void PostgresPool::Dispatch(PostgresRead& read) {
  if (table_ == nullptr && !no_table_.ok()) {
    if (read.looked_ || loop_.Now() - looked_at_ < kLookPause) {
      Finish(read, no_table_);
    } else {
      AwaitLook(read);
    }
    return;
  }
  if (table_ != nullptr && !table_->MayHave(read.user_id_)) {
    Finish(read, std::nullopt);
    return;
  }
  PostgresConnection* const connection = table_ == nullptr ? nullptr : LeastLoaded();
  if (connection != nullptr) {
    connection->Send(read, table_);
  } else if (!down_.ok()) {
    Finish(read, down_);
  } else {
    waiting_.push_back(&read);
  }
}

PostgresConnection* PostgresPool::LeastLoaded() const {
  PostgresConnection* least = nullptr;
  for (const auto& connection : connections_) {
    if (!connection->up()) continue;
    if (least == nullptr || connection->under_way() < least->under_way()) least = connection.get();
  }
  return least;
}

void PostgresPool::AwaitLook(PostgresRead& read) {
  read.looked_ = true;
  read.look_ = keeper_.LookAgain();
  looking_.push_back(&read);
}

void PostgresPool::Looked(const PostgresKeeper::Look& look) {
  const bool no_table = MeansNoTable(look.status);
  if (look.status.ok() || no_table) {
    table_ = look.table;
    no_table_ = look.status;
    looked_at_ = loop_.Now();
    NoteUp();
  } else if (table_ == nullptr && no_table_.ok()) {
    GiveUp(look.status);
  }
  const std::vector<PostgresRead*> looking = std::exchange(looking_, {});
  for (PostgresRead* read : looking) {
    if (read->look_ > look.number) {
      looking_.push_back(read);
    } else if (look.status.ok() || no_table) {
      Dispatch(*read);
    } else {
      Finish(*read, look.status);
    }
  }
}

void PostgresPool::Connected() {
  errors_.Worked();
  NoteUp();
  DispatchWaiting();
}

void PostgresPool::NoteUp() {
  // It may be up without anything known of the table: the look has said why.
  if (table_ == nullptr && no_table_.ok()) return;
  if (LeastLoaded() != nullptr) down_ = absl::OkStatus();
}

void PostgresPool::DispatchWaiting() {
  if (waiting_.empty()) return;
  const std::vector<PostgresRead*> waiting = std::exchange(waiting_, {});
  for (PostgresRead* read : waiting) Dispatch(*read);
}

void PostgresPool::NotConnected(const absl::Status& reason, bool first) {
  if (first) errors_.NotConnected(reason);
  if (LeastLoaded() == nullptr) GiveUp(reason);
}

void PostgresPool::Disconnected(const absl::Status& reason) {
  if (LeastLoaded() != nullptr) return;
  without_since_ = loop_.Now();
  // A server that closed the connection may take the next one; one that hangs does not.
  if (absl::IsDeadlineExceeded(reason)) GiveUp(reason);
}

void PostgresPool::GiveUp(const absl::Status& reason) {
  down_ = reason;
  const std::vector<PostgresRead*> waiting = std::exchange(waiting_, {});
  for (PostgresRead* read : waiting) Finish(*read, reason);
}

void PostgresPool::Lost(PostgresRead& read, const absl::Status& reason) {
  read.connection_ = nullptr;
  if (read.losses_++ >= options_.connections) {
    Finish(read, reason);
  } else {
    waiting_.push_back(&read);
  }
}

void PostgresPool::Failed(PostgresRead& read, const absl::Status& error, absl::string_view state) {
  if (MeansUnknownUser(state)) {
    Finish(read, std::nullopt);
  } else if (MeansChangedTable(state) && !read.looked_) {
    AwaitLook(read);
  } else {
    Finish(read, error);
  }
}

void PostgresPool::Answered(PostgresRead& read, PostgresRead::Outcome outcome) {
  Finish(read, std::move(outcome));
}

void PostgresPool::Expired(PostgresRead& read) {
  const bool without = LeastLoaded() == nullptr && down_.ok();
  Leave(read);
  read.Finish(absl::DeadlineExceededError(without ? "no connection in time" : "no answer in time"));
  if (without && loop_.Now() - without_since_ >= options_.timeout) {
    GiveUp(absl::DeadlineExceededError(
        absl::StrCat("no connection within ", absl::FormatDuration(options_.timeout))));
  }
}

void PostgresPool::Leave(PostgresRead& read) {
  --reads_;
  if (read.connection_ != nullptr) {
    read.connection_->Leave(read);
    return;
  }
  for (std::vector<PostgresRead*>* list : {&waiting_, &looking_}) {
    list->erase(std::remove(list->begin(), list->end(), &read), list->end());
  }
}

void PostgresPool::Finish(PostgresRead& read, PostgresRead::Outcome outcome) {
  --reads_;
  read.Finish(std::move(outcome));
}

}  // namespace predictd
