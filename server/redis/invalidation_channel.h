// Redis says which keys have changed: server-assisted client-side caching
// (https://redis.io/docs/latest/develop/reference/client-side-caching/), in its broadcasting mode.
//
// With RESP2 that takes two connections: one that listens, subscribed to a channel, and one that
// turns tracking on and names the first as where messages go. Redis says OK to much that delivers
// nothing, so the way is proven before it is relied upon: a key that no user has is written, and
// has to come back as changed. From then on both connections are asked again and again whether they
// still answer.
#ifndef PREDICTD_SERVER_REDIS_INVALIDATION_CHANNEL_H_
#define PREDICTD_SERVER_REDIS_INVALIDATION_CHANNEL_H_

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/backoff.h"
#include "server/async/loop.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/address.h"
#include "server/redis/endpoint.h"
#include "server/redis/endpoint_look_up.h"
#include "server/redis/link.h"
#include "server/redis/reply.h"
#include "server/redis/resolver.h"

namespace predictd::redis {

// One per process, on one loop, whose thread alone calls it and is called back. Registers itself as
// a step of the loop; outlives the loop's last turn; goes before the watcher, the resolver and the
// loop. Connects again by itself, slowly where Redis refuses what the channel needs: CLIENT ID,
// CLIENT TRACKING, SUBSCRIBE, PING, SET and DEL. Each change is one line in the log.
class InvalidationChannel : public TurnStep, private Timer {
 public:
  struct Options {
    // What the keys begin with that are told of; empty = all keys. Redis tells of every database.
    std::string prefix;
    // How often both connections are asked, and the longest that either may be silent; also the
    // longest wait for each step on the way up.
    absl::Duration check_interval = absl::Seconds(1);
  };

  // All are set, return quickly and leave the channel in place. `key` and `reason` live for the
  // call.
  struct Events {
    // The key was written, deleted, evicted, or has expired. From the moment that Redis tells of
    // anything, so also before on_working.
    std::function<void(absl::string_view key)> on_invalidate;
    // Every key is gone.
    std::function<void()> on_flush;
    // What changes from now on is told. Of what was read before, nothing is known.
    std::function<void()> on_working;
    // Once after each on_working: changes may be missed from now on, and for up to two intervals
    // have been.
    std::function<void(const absl::Status& reason)> on_lost;
  };

  // Starts connecting at the loop's first turn.
  InvalidationChannel(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics,
                      Address address, Options options, Events events);
  ~InvalidationChannel() override;

  // Proven, and not lost since.
  bool working() const { return state_ == State::kWorking; }

  bool Turn() override;
  void BeforeSleep() override;

 private:
  enum class State {
    kNew,
    kWaiting,  // for the next attempt
    kResolving,
    kConnecting,
    kSubscribing,
    kTracking,  // CLIENT TRACKING is sent
    kProving,   // the canary is written
    kWorking,
  };
  // What the log last said.
  enum class Reported { kNothing, kWorking, kDown, kRefused };
  // Commands on the tracking connection whose answers are to come.
  enum class Asked { kTracking, kCanary, kDelete, kPing };

  void Attempt();
  void Connect(std::vector<Endpoint> endpoints);
  // Goes on as far as the sockets let it.
  void Advance();
  absl::Status Progress();
  void Enter(State state);
  void Disconnect(const absl::Status& reason);

  absl::Status TakeMessage(const ReplyView& reply);
  absl::Status TakeSubscription(const ReplyView& reply);
  absl::Status TakeInvalidation(const ReplyView& keys);
  absl::Status TakeAnswer(const ReplyView& reply);
  void Ask(Asked command, absl::Span<const absl::string_view> arguments);
  void BecomeWorking();

  void Expired() override;
  void Check();
  void Report(Reported news, const absl::Status& reason);

  Loop& loop_;
  Metrics& metrics_;
  const Address address_;
  const Options options_;
  const Events events_;

  State state_ = State::kNew;
  Link listening_;
  Link tracking_;
  std::string listener_id_;  // empty until Redis has said it
  bool subscribed_ = false;
  std::string canary_;
  std::deque<Asked> asked_;
  // Anything since the last check.
  bool heard_listening_ = false;
  bool heard_tracking_ = false;

  EndpointLookUp look_up_;
  size_t endpoint_turn_ = 0;  // goes on where an attempt failed
  Backoff backoff_;
  Backoff refused_backoff_;
  absl::Time working_since_;

  Reported reported_ = Reported::kNothing;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_INVALIDATION_CHANNEL_H_
