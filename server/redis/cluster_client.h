// One loop's connections to a Redis Cluster: each command goes to the server that has its key.
//
// The slot map is asked for (CLUSTER SLOTS) at the start, every ten seconds, when a server says
// that a slot has moved, when one goes down, and with back-off as long as some slot has no server
// that can be reached. Each server has a client of its own with a circuit breaker of its own, so
// that one that hangs costs one time-out; its keys are misses until the cluster has replaced it.
#ifndef PREDICTD_SERVER_REDIS_CLUSTER_CLIENT_H_
#define PREDICTD_SERVER_REDIS_CLUSTER_CLIENT_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/async/backoff.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/address.h"
#include "server/redis/cluster_nodes.h"
#include "server/redis/commands.h"
#include "server/redis/reply.h"
#include "server/redis/resolver.h"
#include "server/redis/server_state.h"
#include "server/redis/slot_map.h"

namespace predictd::redis {

// Loop's thread only. Registers itself as a step of the loop. Outlives every coroutine that awaits
// it (its destructor ends the process otherwise) and the loop's last turn; goes before the states,
// the watcher, the resolver and the loop.
//
// Counts what its servers' clients count, and as errors of Store::kRedis: kError for an answer that
// redirected too often or to nowhere, kGarbage for a slot map that cannot be read, kWrite for a
// command of Send that nobody could be asked.
class ClusterClient final : public Commands, public TurnStep, private Timer {
 public:
  // `address` is a cluster's. `timeout`: longest wait for one answer of one server.
  ClusterClient(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics,
                const Address& address, absl::Duration timeout, ServerStates& states);
  ~ClusterClient() override;

  // True while each slot's server is known and up.
  bool up() const;

  CommandAwaiter Command(absl::Span<const absl::string_view> arguments) override;
  bool Send(absl::Span<const absl::string_view> arguments) override;
  bool Redirects(const ReplyView& reply) const override { return IsRedirection(reply); }
  Task<absl::StatusOr<Reply>> Follow(Reply reply,
                                     absl::Span<const absl::string_view> arguments) override;

  bool Turn() override;
  bool AnswersOutstanding() const override { return nodes_.AnswersOutstanding(); }
  void BeforeSleep() override { nodes_.BeforeSleep(); }

 private:
  // Null where nobody serves the key's slot.
  Client* ClientFor(absl::Span<const absl::string_view> arguments) const;
  // Where commands for the key of `arguments` go; a seed where nobody serves it.
  const HostAndPort& ServerFor(absl::Span<const absl::string_view> arguments) const;
  // The one that a redirection names. Waits where it is new, as long as for an answer: it is up
  // within a round trip or two. Null where there are too many.
  Task<Client*> Named(HostAndPort at);

  void Expired() override { refresh_due_ = true; }
  // Unless a refresh comes earlier anyway.
  void RefreshAt(absl::Time when);
  void RefreshSoon() { RefreshAt(last_refresh_ + kShortestRefresh); }
  // Both return true if there was anything to do.
  bool AskForSlots();
  bool TakeSlots();
  absl::Status Install(const ReplyView& reply);

  static constexpr absl::Duration kShortestRefresh = absl::Milliseconds(100);

  Loop& loop_;
  Metrics& metrics_;
  const Address address_;
  const absl::Duration timeout_;

  bool slots_moved_ = false;  // set by the nodes' clients
  ClusterNodes nodes_;
  SlotMap map_;
  std::vector<Client*> masters_;  // as in the map; null where there are too many

  // The refresh under way: its answer, null when there is none, and who was asked. After the nodes,
  // so that it goes before them.
  std::unique_ptr<CommandAwaiter> slots_;
  HostAndPort asked_;
  std::shared_ptr<ServerState> asked_state_;

  bool refresh_due_ = true;
  absl::Time next_refresh_;
  absl::Time last_refresh_ = absl::InfinitePast();
  Backoff backoff_{kShortestRefresh, absl::Seconds(1)};
  bool was_up_ = false;
  bool has_seeds_ = false;  // the seeds are among the nodes
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_CLUSTER_CLIENT_H_
