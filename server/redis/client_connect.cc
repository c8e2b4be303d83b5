// How a client comes up, and how it goes down.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/redis/client.h"

namespace predictd::redis {
namespace {

// A connection that did not last this long does not make the next attempt quick again.
constexpr absl::Duration kStable = absl::Seconds(1);

// So long without a refusal means that the user's rights have changed.
constexpr absl::Duration kNoRefusals = absl::Minutes(1);

}  // namespace

void Client::Attempt() {
  if (attempted_) metrics_.redis_reconnects.Increment();
  attempted_ = true;
  state_ = State::kResolving;
  StartTimer(attempt_timeout_);
  look_up_.Begin([this](Resolver::Answer endpoints) {
    if (endpoints.ok()) {
      ConnectToOneOf(*std::move(endpoints));
    } else {
      Disconnect(endpoints.status());
    }
  });
}

void Client::ConnectToOneOf(std::vector<Endpoint> endpoints) {
  endpoints_ = std::move(endpoints);
  endpoints_left_ = endpoints_.size();
  ConnectToNext();
}

void Client::ConnectToNext() {
  absl::Status error = absl::UnavailableError("no address to connect to");
  while (endpoints_left_ > 0) {
    --endpoints_left_;
    auto opened = Connection::Open(endpoints_[endpoint_turn_++ % endpoints_.size()], address_);
    if (opened.ok()) {
      connection_ = *std::move(opened);
      state_ = State::kConnecting;
      StartTimer(attempt_timeout_);
      FinishConnecting();
      return;
    }
    error = opened.status();
  }
  Disconnect(error);
}

bool Client::FinishConnecting() {
  const auto connected = connection_->Connect();
  if (!connected) return false;
  if (!connected->ok()) {
    if (endpoints_left_ == 0) {
      Disconnect(*connected);
    } else {
      CloseConnection();
      ConnectToNext();
    }
    return true;
  }
  state_ = State::kHandshake;
  StartTimer(attempt_timeout_);
  handshake_.Begin(address_, *connection_);
  Write();
  return true;
}

void Client::BecomeUp() {
  loop_.Stop(*this);
  state_ = State::kUp;
  starting_ = false;
  up_since_ = loop_.Now();
  refused_backoff_.Reset();
  metrics_.redis_up.Increment();
  Report(Health::kUp, absl::OkStatus());
}

void Client::Disconnect(absl::Status reason) {
  const bool was_up = up();
  state_ = State::kWaiting;
  starting_ = false;
  CloseConnection();
  reconnect_ = absl::OkStatus();
  CountReason(reason, was_up);
  down_ = absl::UnavailableError(absl::StrCat("redis is down: ", reason.message()));
  const bool late = absl::IsDeadlineExceeded(reason);
  const absl::Status error =
      late ? reason : absl::UnavailableError(absl::StrCat("redis: ", reason.message()));
  while (!queue_.empty()) {
    const AnswerQueue::Entry entry = queue_.Pop();
    if (entry.write) Count(StoreError::kWrite);
    if (entry.awaiter == nullptr) continue;
    Count(late ? StoreError::kTimeout : StoreError::kUnreachable);
    entry.awaiter->Deliver(error);
  }
  if (was_up) {
    metrics_.redis_up.Decrement();
    if (loop_.Now() - up_since_ >= kStable) backoff_.Reset();
  }
  const bool refused = absl::IsPermissionDenied(reason);
  // Looking for another primary is no news unless it fails.
  if (!absl::IsAborted(reason)) {
    Report(refused ? Health::kRefused : Health::kDown, reason);
  }
  // A password that is newly required may be one that the address has.
  StartTimer((refused && !was_up ? refused_backoff_ : backoff_).Next());
}

void Client::CloseConnection() {
  if (connection_ == nullptr) return;
  watcher_.Forget(connection_->socket());
  connection_.reset();
  armed_.reset();
  fired_ = false;
}

void Client::CountReason(const absl::Status& reason, bool was_up) {
  switch (reason.code()) {
    case absl::StatusCode::kDataLoss:
      Count(StoreError::kGarbage);
      break;
    case absl::StatusCode::kPermissionDenied:
      // The commands that were refused have been counted.
      if (!was_up) Count(StoreError::kRefused);
      break;
    case absl::StatusCode::kFailedPrecondition:
      Count(StoreError::kError);
      break;
    default:
      // Of a connection that was up, the commands that it takes along are counted instead.
      if (was_up) break;
      Count(absl::IsDeadlineExceeded(reason) ? StoreError::kTimeout : StoreError::kUnreachable);
  }
}

void Client::Report(Health news, const absl::Status& reason) {
  const Health before = std::exchange(reported_, news);
  if (before != news) options_.state->Change(before, news, reason.message());
}

void Client::NoteRefusal(bool write, absl::string_view refusal) {
  Refusals& refusals = write ? writes_refused_ : reads_refused_;
  if (refusal.empty()) {
    if (!refusals.reported || loop_.Now() - refusals.last < kNoRefusals) return;
  } else {
    refusals.last = loop_.Now();
  }
  if (std::exchange(refusals.reported, !refusal.empty()) == !refusal.empty()) return;
  using Trouble = ServerState::Trouble;
  options_.state->Note(write ? Trouble::kRefusesWrites : Trouble::kRefusesReads, refusal);
}

}  // namespace predictd::redis
