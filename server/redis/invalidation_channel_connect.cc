// How an invalidation channel comes up, and how it goes down.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/redis/invalidation_channel.h"

namespace predictd::redis {
namespace {

// A channel that did not last this long does not make the next attempt quick again.
constexpr absl::Duration kStable = absl::Seconds(1);

}  // namespace

void InvalidationChannel::Attempt() {
  Enter(State::kResolving);
  look_up_.Begin([this](Resolver::Answer endpoints) {
    if (endpoints.ok()) {
      Connect(*std::move(endpoints));
    } else {
      Disconnect(endpoints.status());
    }
  });
}

// Both to one endpoint: an id that one server gave means nothing to another.
void InvalidationChannel::Connect(std::vector<Endpoint> endpoints) {
  const Endpoint& endpoint = endpoints[endpoint_turn_ % endpoints.size()];
  Enter(State::kConnecting);
  absl::Status status = listening_.Open(endpoint);
  if (status.ok()) status = tracking_.Open(endpoint);
  if (!status.ok()) Disconnect(status);
}

void InvalidationChannel::Enter(State state) {
  state_ = state;
  loop_.Start(*this, loop_.Now() + options_.check_interval);
}

void InvalidationChannel::Disconnect(const absl::Status& reason) {
  const bool was_working = working();
  state_ = State::kWaiting;
  listening_.Close();
  tracking_.Close();
  listener_id_.clear();
  subscribed_ = false;
  asked_.clear();
  const bool refused = absl::IsPermissionDenied(reason) || absl::IsFailedPrecondition(reason);
  Report(refused ? Reported::kRefused : Reported::kDown, reason);
  if (was_working) {
    metrics_.invalidation_up.Set(0);
    if (loop_.Now() - working_since_ >= kStable) backoff_.Reset();
    events_.on_lost(reason);
  } else {
    ++endpoint_turn_;
  }
  loop_.Start(*this, loop_.Now() + (refused ? refused_backoff_ : backoff_).Next());
}

void InvalidationChannel::Expired() {
  switch (state_) {
    case State::kNew:
      break;
    case State::kWaiting:
      Attempt();
      break;
    case State::kResolving:
      // The look-up ends by itself, and asking again would only queue behind it.
      Report(Reported::kDown, absl::UnavailableError(
                                  absl::StrCat("still resolving host name '", address_.host, "'")));
      break;
    case State::kConnecting:
    case State::kSubscribing:
    case State::kTracking:
    case State::kProving: {
      // The late one may be our own loop.
      const State before = state_;
      Advance();
      if (state_ != before) break;
      const std::string within = absl::FormatDuration(options_.check_interval);
      const bool silent = state_ == State::kProving && asked_.empty();
      Disconnect(silent ? absl::FailedPreconditionError(absl::StrCat(
                              "CLIENT TRACKING: OK, but no invalidation came within ", within))
                        : absl::DeadlineExceededError(absl::StrCat("no answer within ", within)));
      break;
    }
    case State::kWorking:
      // The same.
      Advance();
      if (working()) Check();
      break;
  }
}

}  // namespace predictd::redis
