// One loop's connection to Redis: commands that coroutines await, sent together once per turn.
//
// hiredis reads the replies; the socket is ours and never blocks. Redis answers in order, so one
// answer that is late means that all behind it are: at the first time-out the connection is given
// up, everything waiting fails at once, and the client connects again with back-off. Until a PING
// on the new connection is answered, commands fail at once without a wait. That is the circuit
// breaker: a hung Redis costs one time-out, not one per request.
#ifndef PREDICTD_SERVER_REDIS_CLIENT_H_
#define PREDICTD_SERVER_REDIS_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/backoff.h"
#include "server/async/loop.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/address.h"
#include "server/redis/command.h"
#include "server/redis/commands.h"
#include "server/redis/connection.h"
#include "server/redis/endpoint.h"
#include "server/redis/endpoint_look_up.h"
#include "server/redis/handshake.h"
#include "server/redis/reply.h"
#include "server/redis/resolver.h"
#include "server/redis/server_state.h"

namespace predictd::redis {

struct ClientOptions {
  // Shared by the clients of all loops, so that a change is one line in the log; null: the client's
  // own.
  std::shared_ptr<ServerState> state = nullptr;
  // Null but for a cluster's node: becomes true when an answer says that slots have moved. Such a
  // client is no step of the loop: the cluster, which owns it, calls Turn and BeforeSleep.
  bool* slots_moved = nullptr;
};

// Loop's thread only. Registers itself as a step of the loop. Outlives every coroutine that awaits
// it (its destructor ends the process otherwise) and the loop's last turn; goes before the watcher,
// the resolver and the loop.
//
// What it counts as predictd_feature_errors_total{store="redis"}: per awaited command kTimeout or
// kUnreachable when its connection is given up or lost, kRefused or kError when Redis answers with
// an error, except WRONGTYPE, which concerns only the key and is the caller's to count; per command
// of Send kWrite, whatever went wrong; per attempt to connect that failed and per connection that
// broke the protocol one of kUnreachable, kTimeout, kRefused, kError, kGarbage. A command that
// fails at once because the client is down is not counted again. A cluster's node does not count
// the redirection of an awaited command, which may be followed.
class Client final : public Commands, public TurnStep, private Timer {
 public:
  using CommandAwaiter = redis::CommandAwaiter;

  // `timeout`: longest wait for one answer, from when it is written; also for connecting and for
  // the handshake, but these have at least 250 ms. Starts connecting at the loop's first turn.
  Client(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics, Address address,
         absl::Duration timeout, ClientOptions options = {});
  ~Client() override;

  // True while the present connection has answered its PING. When false, commands fail at once.
  bool up() const { return state_ == State::kUp; }

  // True until the first attempt to connect has succeeded or failed.
  bool starting() const { return starting_; }

  // No command is under way, awaited or not: may be destroyed.
  bool idle() const { return queue_.empty(); }

  // As Commands says, about any number of keys; at least one argument.
  CommandAwaiter Command(absl::Span<const absl::string_view> arguments) override;
  bool Send(absl::Span<const absl::string_view> arguments) override;

  bool Turn() override;
  bool AnswersOutstanding() const override { return queue_.awaited() > 0; }
  void BeforeSleep() override;

 private:
  enum class State { kNew, kWaiting, kResolving, kConnecting, kHandshake, kUp };
  using Health = ServerState::Health;
  struct Refusals {
    bool reported = false;
    absl::Time last = absl::InfinitePast();
  };

  // Each step towards kUp, and the way back.
  void Attempt();
  void ConnectToOneOf(std::vector<Endpoint> endpoints);
  void ConnectToNext();
  bool FinishConnecting();
  void BecomeUp();
  void Disconnect(absl::Status reason);
  void CloseConnection();

  // Both return true if there was anything to do; afterwards the connection may be gone.
  bool Write();
  bool Read(int longest_fills);

  void Take(Reply reply);
  void TakeError(const AnswerQueue::Entry& entry, const Reply& reply);

  void Expired() override;
  bool OldestIsOverdue() const;
  void CheckOldest();
  void StartTimer(absl::Duration delay) { loop_.Start(*this, loop_.Now() + delay); }

  void Count(StoreError kind) { metrics_.CountStoreError(Store::kRedis, kind); }
  void CountReason(const absl::Status& reason, bool was_up);
  void Report(Health news, const absl::Status& reason);
  // Redis refused (empty `refusal`: took) a write or a read; says what changed: that it takes them
  // again once it has refused none for a while, as it may refuse one command and take others.
  void NoteRefusal(bool write, absl::string_view refusal);

  Loop& loop_;
  Watcher& watcher_;
  Metrics& metrics_;
  const Address address_;
  const ClientOptions options_;
  const absl::Duration timeout_;
  const absl::Duration attempt_timeout_;

  State state_ = State::kNew;
  std::unique_ptr<Connection> connection_;  // from kConnecting to kUp
  Handshake handshake_;
  AnswerQueue queue_;  // not empty only while up
  absl::Status down_;  // what commands get while not up

  bool attempted_ = false;
  bool starting_ = true;
  EndpointLookUp look_up_;
  std::vector<Endpoint> endpoints_;
  // Goes on from attempt to attempt, so that a dead address is passed by.
  size_t endpoint_turn_ = 0;
  size_t endpoints_left_ = 0;
  Backoff backoff_;
  Backoff refused_backoff_;
  absl::Time up_since_;

  // Set by a reply that asks for a new connection, after all that came with it are taken.
  absl::Status reconnect_;
  absl::Time next_readonly_reconnect_ = absl::InfinitePast();
  bool readonly_ = false;
  Refusals writes_refused_;  // NOPERM
  Refusals reads_refused_;

  Health reported_ = Health::kUnknown;

  std::optional<Watcher::Event> armed_;
  std::atomic<bool> fired_{false};
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_CLIENT_H_
