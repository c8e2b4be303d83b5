#include "server/sql/postgres_keeper.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "server/async/backoff.h"
#include "server/base/abandonable_thread.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "server/base/status.h"
#include "server/base/thread.h"
#include "server/sql/loop_mail.h"
#include "server/sql/postgres_error.h"

namespace predictd {
namespace {

// For an attempt to connect and for a look at the table.
constexpr absl::Duration kPatience = absl::Seconds(3);

// After wrong credentials: servers count these, and may lock the user out.
constexpr absl::Duration kRefusedPause = absl::Seconds(3);

// How long the end of the process waits for what the thread is in.
constexpr absl::Duration kLongestStop = absl::Seconds(1);

// Shares nothing with the original, not even a status' counted message: what goes to another thread
// is that thread's alone.
absl::Status OwnCopy(const absl::Status& status) {
  return absl::Status(status.code(), status.message());
}

}  // namespace

struct PostgresKeeper::State {
  struct Request {
    LoopMail* mail;
    std::function<void(Connection&)> connected;
  };
  struct Subscriber {
    LoopMail* mail;
    std::function<void(const Look&)> looked;
  };

  explicit State(Options given)
      : options(std::move(given)),
        patience(std::max(kPatience, options.timeout)),
        schema(options.table.table) {}

  const Options options;
  const absl::Duration patience;
  PublishedSchema schema;
  std::atomic<bool> read{false};  // since the last look

  LoopMail* MailOf(Loop& loop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_ptr<LoopMail>& mail = mails[&loop];
    if (mail == nullptr) mail = std::make_unique<LoopMail>(loop);
    return mail.get();
  }

  Mutex mutex;
  CondVar changed;
  absl::flat_hash_map<const Loop*, std::unique_ptr<LoopMail>> mails ABSL_GUARDED_BY(mutex);
  std::vector<Request> waiting ABSL_GUARDED_BY(mutex);
  std::vector<Subscriber> subscribers ABSL_GUARDED_BY(mutex);
  uint64_t looks_begun ABSL_GUARDED_BY(mutex) = 0;
  uint64_t look_wanted ABSL_GUARDED_BY(mutex) = 0;
  absl::Time next_attempt ABSL_GUARDED_BY(mutex) = absl::InfinitePast();
  Backoff backoff ABSL_GUARDED_BY(mutex){absl::Milliseconds(20), absl::Seconds(1)};
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = false;
  std::thread thread ABSL_GUARDED_BY(mutex);
};

// What runs on the thread. Touches nothing but the state it shares.
class PostgresKeeper::Worker {
 public:
  explicit Worker(std::shared_ptr<State> state) : state_(std::move(state)) {}

  void Run();
  Look LookAtTable(uint64_t number);

 private:
  // `statement_timeout`: what the server may work on one statement.
  absl::StatusOr<LibpqSession> Open(absl::Duration statement_timeout);
  absl::StatusOr<std::shared_ptr<const PostgresFeatureTable>> Describe();
  void AnswerWaiting();
  static void Answer(State::Request& request, Connection connection);
  void TellLook();

  const std::shared_ptr<State> state_;
  LibpqSession session_;  // for looking only
  std::shared_ptr<const PostgresFeatureTable> table_;
  absl::Time last_look_ = absl::InfinitePast();
  size_t failed_attempts_ = 0;
};

PostgresKeeper::PostgresKeeper(Options options)
    : state_(std::make_shared<State>(std::move(options))) {}

PostgresKeeper::~PostgresKeeper() { JoinOrAbandon(*state_, kLongestStop); }

PostgresKeeper::Look PostgresKeeper::Start() {
  auto worker = std::make_unique<Worker>(state_);
  Look look = worker->LookAtTable(0);
  MutexLock lock(state_->mutex);
  state_->thread = std::thread([worker = std::move(worker), state = state_] {
    worker->Run();
    MutexLock end(state->mutex);
    state->ended = true;
    state->changed.NotifyAll();
  });
  return look;
}

void PostgresKeeper::OnLook(Loop& loop, std::function<void(const Look&)> looked) {
  MutexLock lock(state_->mutex);
  state_->subscribers.push_back({state_->MailOf(loop), std::move(looked)});
}

void PostgresKeeper::Connect(Loop& loop, Last last, std::function<void(Connection&)> connected) {
  MutexLock lock(state_->mutex);
  // After a failure the time of the next attempt is set already.
  if (last == Last::kUseful) state_->backoff.Reset();
  if (last == Last::kShortLived)
    state_->next_attempt = SystemClock().Now() + state_->backoff.Next();
  state_->waiting.push_back({state_->MailOf(loop), std::move(connected)});
  state_->changed.NotifyAll();
}

uint64_t PostgresKeeper::LookAgain() {
  MutexLock lock(state_->mutex);
  state_->look_wanted = state_->looks_begun + 1;
  state_->changed.NotifyAll();
  return state_->look_wanted;
}

void PostgresKeeper::NoteRead() {
  // A store for every read would pass the cache line from loop to loop.
  if (!state_->read.load(std::memory_order_relaxed)) {
    state_->read.store(true, std::memory_order_relaxed);
  }
}

const PublishedSchema& PostgresKeeper::schema() const { return state_->schema; }

void PostgresKeeper::Worker::Run() {
  NameThread("postgres-keeper");
  State& state = *state_;
  const absl::Duration interval = state.options.look_interval;
  state.mutex.Lock();
  while (!state.stopping) {
    const absl::Time now = SystemClock().Now();
    const bool connect = !state.waiting.empty() && state.next_attempt <= now;
    const bool look = state.look_wanted > state.looks_begun ||
                      (now >= last_look_ + interval && state.read.load(std::memory_order_relaxed));
    if (!connect && !look) {
      const absl::Time next =
          state.waiting.empty() ? now + interval : std::min(state.next_attempt, now + interval);
      state.changed.WaitFor(state.mutex, next - now);
      continue;
    }
    state.mutex.Unlock();
    if (connect) {
      AnswerWaiting();
    } else {
      TellLook();
    }
    state.mutex.Lock();
  }
  state.mutex.Unlock();
}

absl::StatusOr<LibpqSession> PostgresKeeper::Worker::Open(absl::Duration statement_timeout) {
  auto session = OpenPostgres(state_->options.address, failed_attempts_, statement_timeout,
                              SystemClock().Now() + state_->patience);
  if (!session.ok()) ++failed_attempts_;
  return session;
}

void PostgresKeeper::Worker::AnswerWaiting() {
  auto session = Open(state_->options.timeout);
  if (session.ok() &&
      (PQsetnonblocking(session->get(), 1) != 0 || PQenterPipelineMode(session->get()) == 0)) {
    session = absl::UnavailableError(PostgresMessage(session->get()));
  }
  // The server may be here for the first time.
  if (session.ok() && table_ == nullptr) TellLook();
  MutexLock lock(state_->mutex);
  std::vector<State::Request>& waiting = state_->waiting;
  if (session.ok()) {
    if (!state_->stopping) Answer(waiting.front(), {std::move(session), true});
    waiting.erase(waiting.begin());
    return;
  }
  const bool refused = absl::IsPermissionDenied(session.status());
  state_->next_attempt = SystemClock().Now() + (refused ? kRefusedPause : state_->backoff.Next());
  for (size_t i = 0; i < waiting.size() && !state_->stopping; ++i) {
    Answer(waiting[i], {OwnCopy(session.status()), i == 0});
  }
  waiting.clear();
}

void PostgresKeeper::Worker::Answer(State::Request& request, Connection connection) {
  const auto answer = std::make_shared<Connection>(std::move(connection));
  request.mail->Send([connected = std::move(request.connected), answer] { connected(*answer); });
}

void PostgresKeeper::Worker::TellLook() {
  uint64_t number = 0;
  {
    MutexLock lock(state_->mutex);
    number = ++state_->looks_begun;
  }
  const Look look = LookAtTable(number);
  MutexLock lock(state_->mutex);
  if (state_->stopping) return;
  for (const State::Subscriber& subscriber : state_->subscribers) {
    subscriber.mail->Send([looked = subscriber.looked,
                           own = Look{number, OwnCopy(look.status), look.table}] { looked(own); });
  }
}

PostgresKeeper::Look PostgresKeeper::Worker::LookAtTable(uint64_t number) {
  state_->read.store(false, std::memory_order_relaxed);
  const bool kept = session_ != nullptr;
  auto table = Describe();
  // A session that was closed while nobody needed it says nothing about the server.
  if (kept && session_ == nullptr) table = Describe();
  last_look_ = SystemClock().Now();
  if (table.ok()) table_ = *table;
  return {number, table.status(), table.ok() ? *table : nullptr};
}

absl::StatusOr<std::shared_ptr<const PostgresFeatureTable>> PostgresKeeper::Worker::Describe() {
  if (session_ == nullptr) {
    auto session = Open(state_->patience);
    PREDICTD_RETURN_IF_ERROR(session.status());
    session_ = *std::move(session);
  }
  auto described = DescribePostgresFeatures(session_.get(), state_->options.table,
                                            SystemClock().Now() + state_->patience);
  const absl::Status& status = described.status();
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) session_.reset();
  PREDICTD_RETURN_IF_ERROR(status);
  if (table_ != nullptr && table_->select == described->select) return table_;
  const std::string& name = state_->options.table.table;
  if (!described->left_out.empty() &&
      (table_ == nullptr || table_->left_out != described->left_out)) {
    Log(LogLevel::kInfo, "columns of the feature table that are neither numeric nor boolean",
        {{"table", name}, {"left_out", absl::StrJoin(described->left_out, ",")}});
  }
  if (described->scans) {
    Log(LogLevel::kWarning, "every feature read scans the table: give the key column an index",
        {{"table", name}, {"key", state_->options.table.key_column}});
  }
  described->schema = state_->schema.Publish(described->schema);
  return std::make_shared<const PostgresFeatureTable>(*std::move(described));
}

}  // namespace predictd
