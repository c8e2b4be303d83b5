#include "server/redis/invalidation_channel.h"

#include <optional>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/log.h"
#include "server/base/status.h"

namespace predictd::redis {
namespace {

constexpr absl::string_view kChannel = "__redis__:invalidate";

// In every canary, of this process and of others, right after the prefix. No user id holds the NUL.
constexpr absl::string_view kCanaryMark("\0predictd-canary:", 17);
// A canary that nobody could delete any more.
constexpr absl::string_view kCanaryMillis = "10000";

std::string NewCanary(absl::string_view prefix) {
  std::random_device random;
  return absl::StrCat(prefix, kCanaryMark, absl::Hex(random(), absl::kZeroPad8),
                      absl::Hex(random(), absl::kZeroPad8));
}

absl::Status Refusal(absl::string_view command, const ReplyView& error) {
  const std::string message = absl::StrCat(command, ": ", error.text());
  return IsRefusal(error.error_code()) ? absl::PermissionDeniedError(message)
                                       : absl::FailedPreconditionError(message);
}

absl::Status Unexpected() { return absl::DataLossError("a reply that nobody asked for"); }

}  // namespace

InvalidationChannel::InvalidationChannel(Loop& loop, Watcher& watcher, Resolver& resolver,
                                         Metrics& metrics, Address address, Options options,
                                         Events events)
    : loop_(loop),
      metrics_(metrics),
      address_(std::move(address)),
      options_(std::move(options)),
      events_(std::move(events)),
      listening_(loop, watcher, address_),
      tracking_(loop, watcher, address_),
      look_up_(loop, resolver, address_),
      backoff_(absl::Milliseconds(50), absl::Seconds(2)),
      refused_backoff_(absl::Seconds(1), absl::Seconds(4)) {
  loop_.AddStep(*this);
}

InvalidationChannel::~InvalidationChannel() {
  loop_.Stop(*this);
  if (working()) metrics_.invalidation_up.Set(0);
}

bool InvalidationChannel::Turn() {
  if (state_ == State::kNew) {
    Attempt();
    return true;
  }
  if (!listening_.fired() && !tracking_.fired()) return false;
  Advance();
  return true;
}

void InvalidationChannel::BeforeSleep() {
  listening_.BeforeSleep();
  tracking_.BeforeSleep();
}

void InvalidationChannel::Advance() {
  absl::Status status =
      listening_.Turn([this](const ReplyView& reply) { return TakeMessage(reply); });
  if (status.ok()) {
    status = tracking_.Turn([this](const ReplyView& reply) { return TakeAnswer(reply); });
  }
  if (status.ok()) status = Progress();
  if (!status.ok()) Disconnect(status);
}

// The steps that need both connections; then sends what the replies have led to.
absl::Status InvalidationChannel::Progress() {
  if (state_ == State::kConnecting && listening_.ready() && tracking_.ready()) {
    Enter(State::kSubscribing);
    listening_.Append({"CLIENT", "ID"});
    listening_.Append({"SUBSCRIBE", kChannel});
  }
  if (state_ == State::kSubscribing && subscribed_) {
    Enter(State::kTracking);
    Ask(Asked::kTracking,
        {"CLIENT", "TRACKING", "ON", "REDIRECT", listener_id_, "BCAST", "PREFIX", options_.prefix});
  }
  PREDICTD_RETURN_IF_ERROR(listening_.Flush());
  return tracking_.Flush();
}

absl::Status InvalidationChannel::TakeMessage(const ReplyView& reply) {
  heard_listening_ = true;
  if (!subscribed_) return TakeSubscription(reply);
  if (reply.type() == ReplyType::kError) return Refusal("PING", reply);
  const absl::string_view kind = reply.size() > 0 ? reply[0].text() : "";
  if (kind == "pong") return absl::OkStatus();
  if (kind != "message" || reply.size() != 3) return Unexpected();
  return TakeInvalidation(reply[2]);
}

absl::Status InvalidationChannel::TakeSubscription(const ReplyView& reply) {
  if (state_ != State::kSubscribing) return Unexpected();
  const bool has_id = !listener_id_.empty();
  if (reply.type() == ReplyType::kError) return Refusal(has_id ? "SUBSCRIBE" : "CLIENT ID", reply);
  if (!has_id) {
    if (reply.type() != ReplyType::kInteger) return Unexpected();
    listener_id_ = absl::StrCat(reply.integer());
    return absl::OkStatus();
  }
  if (reply.size() != 3 || reply[0].text() != "subscribe") return Unexpected();
  subscribed_ = true;
  return absl::OkStatus();
}

absl::Status InvalidationChannel::TakeInvalidation(const ReplyView& keys) {
  if (keys.is_nil()) {
    metrics_.invalidations.Increment();
    events_.on_flush();
    return absl::OkStatus();
  }
  // Of a message that a client has published there are no elements.
  for (size_t i = 0; i < keys.size(); ++i) {
    const absl::string_view key = keys[i].text();
    if (state_ == State::kProving && key == canary_) BecomeWorking();
    absl::string_view rest = key;
    if (absl::ConsumePrefix(&rest, options_.prefix) && absl::StartsWith(rest, kCanaryMark))
      continue;
    metrics_.invalidations.Increment();
    events_.on_invalidate(key);
  }
  return absl::OkStatus();
}

absl::Status InvalidationChannel::TakeAnswer(const ReplyView& reply) {
  heard_tracking_ = true;
  if (asked_.empty()) return Unexpected();
  const Asked command = asked_.front();
  asked_.pop_front();
  const bool error = reply.type() == ReplyType::kError;
  switch (command) {
    case Asked::kTracking:
      if (error) return Refusal("CLIENT TRACKING", reply);
      canary_ = NewCanary(options_.prefix);
      Enter(State::kProving);
      Ask(Asked::kCanary, {"SET", canary_, "1", "PX", kCanaryMillis});
      break;
    case Asked::kCanary:
      if (error) return Refusal("SET", reply);
      break;
    case Asked::kDelete:
      // It has done its work, and goes by itself.
      break;
    case Asked::kPing:
      if (error) return Refusal("PING", reply);
      break;
  }
  return absl::OkStatus();
}

void InvalidationChannel::Ask(Asked command, absl::Span<const absl::string_view> arguments) {
  asked_.push_back(command);
  tracking_.Append(arguments);
}

void InvalidationChannel::BecomeWorking() {
  Enter(State::kWorking);
  working_since_ = loop_.Now();
  refused_backoff_.Reset();
  Ask(Asked::kDelete, {"DEL", canary_});
  // First: who sees that it is up finds nothing from before.
  events_.on_working();
  metrics_.invalidation_up.Set(1);
  Report(Reported::kWorking, absl::OkStatus());
}

void InvalidationChannel::Check() {
  if (!heard_listening_ || !heard_tracking_) {
    const absl::string_view which = heard_listening_ ? "tracking" : "listening";
    Disconnect(absl::DeadlineExceededError(
        absl::StrCat("the ", which, " connection gave no answer within ",
                     absl::FormatDuration(options_.check_interval))));
    return;
  }
  heard_listening_ = heard_tracking_ = false;
  listening_.Append({"PING"});
  Ask(Asked::kPing, {"PING"});
  loop_.Start(*this, loop_.Now() + options_.check_interval);
  if (absl::Status status = Progress(); !status.ok()) Disconnect(status);
}

void InvalidationChannel::Report(Reported news, const absl::Status& reason) {
  if (std::exchange(reported_, news) == news) return;
  if (news == Reported::kWorking) {
    Log(LogLevel::kInfo, "redis tells of changed keys", {{"address", address_.ToString()}});
  } else {
    Log(LogLevel::kWarning, "redis does not tell of changed keys",
        {{"address", address_.ToString()}, {"error", reason.message()}});
  }
}

}  // namespace predictd::redis
