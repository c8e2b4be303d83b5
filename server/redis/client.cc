#include "server/redis/client.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"

namespace predictd::redis {
namespace {

// A Redis whose kernel still accepts while the process hangs must not look up; one that is merely
// far away must not look down.
constexpr absl::Duration kShortestAttempt = absl::Milliseconds(250);

// After READONLY the address may lead to a new primary; on a replica that stays one, reads must not
// suffer from looking for it.
constexpr absl::Duration kReadonlyWindow = absl::Seconds(3);

// Beyond it a peer that reads nothing costs answers rather than memory.
constexpr size_t kMostUnwritten = 64 << 20;

// Most reads of one turn: others wait for theirs.
constexpr int kFillsPerTurn = 16;

ClientOptions Complete(ClientOptions options, const Address& address) {
  if (options.state == nullptr) options.state = std::make_shared<ServerState>(address.ToString());
  return options;
}

}  // namespace

Client::Client(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics, Address address,
               absl::Duration timeout, ClientOptions options)
    : loop_(loop),
      watcher_(watcher),
      metrics_(metrics),
      address_(std::move(address)),
      options_(Complete(std::move(options), address_)),
      timeout_(timeout),
      attempt_timeout_(std::max(timeout, kShortestAttempt)),
      down_(absl::UnavailableError("redis is not connected yet")),
      look_up_(loop, resolver, address_),
      backoff_(absl::Milliseconds(20), absl::Seconds(1)),
      refused_backoff_(absl::Milliseconds(500), absl::Seconds(3)) {
  if (options_.slots_moved == nullptr) loop_.AddStep(*this);
}

Client::~Client() {
  // Their coroutines would resume into freed memory: better to end here, visibly.
  if (queue_.awaited() > 0) {
    Log(LogLevel::kError, "a redis client ended before its commands",
        {{"commands", queue_.awaited()}});
    std::abort();
  }
  loop_.Stop(*this);
  if (up()) metrics_.redis_up.Decrement();
  options_.state->Change(reported_, Health::kUnknown, "");
  while (!queue_.empty()) {
    if (queue_.Pop().write) Count(StoreError::kWrite);
  }
  CloseConnection();
}

CommandAwaiter Client::Command(absl::Span<const absl::string_view> arguments) {
  if (!up()) return CommandAwaiter(loop_, down_);
  if (connection_->unwritten() > kMostUnwritten) {
    Count(StoreError::kUnreachable);
    return CommandAwaiter(loop_, absl::UnavailableError("redis takes no more commands"));
  }
  connection_->Append(arguments);
  return CommandAwaiter(loop_, queue_);
}

bool Client::Send(absl::Span<const absl::string_view> arguments) {
  if (!up() || connection_->unwritten() > kMostUnwritten) {
    Count(StoreError::kWrite);
    return false;
  }
  connection_->Append(arguments);
  queue_.PushWrite();
  return true;
}

bool Client::Turn() {
  const bool fired = fired_.load(std::memory_order_relaxed) && fired_.exchange(false);
  if (fired) armed_.reset();
  switch (state_) {
    case State::kNew:
      Attempt();
      return true;
    case State::kWaiting:
    case State::kResolving:
      return false;
    case State::kConnecting:
      return FinishConnecting();
    case State::kHandshake:
    case State::kUp:
      break;
  }
  const bool has_new = queue_.written() < queue_.size();
  const bool waits = queue_.written() > 0 || state_ == State::kHandshake;
  bool progress = false;
  // What is there before the first command is sent would be taken for its answer. Right after
  // sending, on the other hand, there is nothing to read yet: either way one look per turn.
  if (waits || !has_new) progress = Write();
  if (connection_ != nullptr && (waits || has_new || fired)) progress |= Read(kFillsPerTurn);
  if (connection_ != nullptr && has_new) progress |= Write();
  return progress;
}

void Client::BeforeSleep() {
  if (connection_ == nullptr) return;
  if (fired_.load() && fired_.exchange(false)) armed_.reset();
  Watcher::Event event = Watcher::Event::kReadable;
  if (connection_->waits_to_write()) {
    event = Watcher::Event::kWritable;
  } else if (state_ == State::kUp && queue_.empty()) {
    // Not kReadable: that would wake the watcher for each answer that the loop, long awake again,
    // reads by itself.
    event = Watcher::Event::kClosed;
  }
  if (armed_ == event) return;
  armed_ = event;
  watcher_.NudgeOnce(connection_->socket(), event, loop_, &fired_);
}

bool Client::Write() {
  const size_t before = connection_->unwritten();
  if (before == 0) return false;
  if (absl::Status status = connection_->Write(); !status.ok()) {
    Disconnect(status);
    return true;
  }
  if (queue_.written() < queue_.size()) {
    queue_.MarkWritten(loop_.Now());
    if (!running()) loop_.Start(*this, queue_.oldest().written + timeout_);
  }
  return connection_->unwritten() < before;
}

bool Client::Read(int longest_fills) {
  bool progress = false;
  for (int i = 0; i < longest_fills; ++i) {
    const auto count = connection_->Fill();
    if (!count.ok()) {
      Disconnect(count.status());
      return true;
    }
    if (*count == 0) break;
    progress = true;
    while (auto reply = connection_->Next()) {
      Take(*std::move(reply));
      if (connection_ == nullptr) return true;
    }
    if (!connection_->reader_status().ok()) {
      Disconnect(connection_->reader_status());
      return true;
    }
    if (*count < Connection::kReadSize) break;
  }
  if (!reconnect_.ok()) Disconnect(reconnect_);
  return progress;
}

void Client::Take(Reply reply) {
  if (state_ == State::kHandshake) {
    if (absl::Status status = handshake_.Take(reply); !status.ok()) {
      Disconnect(status);
    } else if (handshake_.done()) {
      BecomeUp();
    }
    return;
  }
  if (queue_.written() == 0) {
    Disconnect(absl::DataLossError("a reply that nobody asked for"));
    return;
  }
  const AnswerQueue::Entry entry = queue_.Pop();
  if (reply.type() == ReplyType::kError) {
    TakeError(entry, reply);
  } else {
    if (entry.write && std::exchange(readonly_, false)) {
      options_.state->Note(ServerState::Trouble::kReadOnly, "");
    }
    NoteRefusal(entry.write, "");
  }
  if (entry.awaiter != nullptr) entry.awaiter->Deliver(std::move(reply));
}

void Client::TakeError(const AnswerQueue::Entry& entry, const Reply& reply) {
  const absl::string_view code = reply.error_code();
  const bool redirection = code == "MOVED" || code == "ASK";
  if (options_.slots_moved != nullptr && (code == "MOVED" || code == "CLUSTERDOWN")) {
    *options_.slots_moved = true;
  }
  if (entry.write) {
    Count(StoreError::kWrite);
  } else if (options_.slots_moved != nullptr && redirection) {
    // Counted by the cluster where it leads nowhere.
  } else if (IsRefusal(code)) {
    Count(StoreError::kRefused);
  } else if (code != "WRONGTYPE") {
    Count(StoreError::kError);
  }
  if (IsRefusal(code)) NoteRefusal(entry.write, reply.text());
  if (code == "NOAUTH") {
    reconnect_ = absl::PermissionDeniedError(reply.text());
  } else if (entry.write && code == "READONLY" && loop_.Now() >= next_readonly_reconnect_) {
    next_readonly_reconnect_ = loop_.Now() + kReadonlyWindow;
    readonly_ = true;
    options_.state->Note(ServerState::Trouble::kReadOnly, reply.text());
    reconnect_ = absl::AbortedError(reply.text());
  }
}

void Client::Expired() {
  switch (state_) {
    case State::kNew:
      break;
    case State::kWaiting:
      Attempt();
      break;
    case State::kResolving:
      // The look-up ends by itself, and asking again would only queue behind it.
      Report(Health::kDown, absl::UnavailableError(
                                absl::StrCat("still resolving host name '", address_.host, "'")));
      break;
    case State::kConnecting:
      if (FinishConnecting()) break;
      Disconnect(absl::UnavailableError(
          absl::StrCat("no connection within ", absl::FormatDuration(attempt_timeout_))));
      break;
    case State::kHandshake:
      // The late one may be our own loop.
      Read(kFillsPerTurn);
      if (state_ != State::kHandshake) break;
      Disconnect(absl::DeadlineExceededError(absl::StrCat("connected, but no answer within ",
                                                          absl::FormatDuration(attempt_timeout_))));
      break;
    case State::kUp:
      CheckOldest();
      break;
  }
}

bool Client::OldestIsOverdue() const {
  return queue_.written() > 0 && loop_.Now() - queue_.oldest().written >= timeout_;
}

void Client::CheckOldest() {
  // The late one may be our own loop: first all that is there is read.
  while (up() && OldestIsOverdue() && Read(1)) {
  }
  if (!up() || queue_.written() == 0) return;
  if (OldestIsOverdue()) {
    Disconnect(absl::DeadlineExceededError(
        absl::StrCat("redis gave no answer within ", absl::FormatDuration(timeout_))));
    return;
  }
  // One timer for all: it is not moved with every answer, but looks again when it expires.
  loop_.Start(*this, queue_.oldest().written + timeout_);
}

}  // namespace predictd::redis
