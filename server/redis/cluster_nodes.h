// The clients of a Redis Cluster's servers: one per address, made when somebody names it.
#ifndef PREDICTD_SERVER_REDIS_CLUSTER_NODES_H_
#define PREDICTD_SERVER_REDIS_CLUSTER_NODES_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/address.h"
#include "server/redis/client.h"
#include "server/redis/resolver.h"
#include "server/redis/server_state.h"

namespace predictd::redis {

// Owned by one loop's ClusterClient; that loop's thread only.
class ClusterNodes {
 public:
  struct Node {
    HostAndPort at;
    std::shared_ptr<ServerState> state;
    std::unique_ptr<Client> client;
    bool master = false;  // of the present slot map
    bool used = false;    // by a redirection, since the present slot map came
    bool kept = true;
  };

  // `cluster` says how to log in; `slots_moved` is handed to the clients.
  ClusterNodes(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics,
               const Address& cluster, absl::Duration timeout, ServerStates& states,
               bool* slots_moved);

  // The one at this address, made if it is new: it connects during the next turn. Null where there
  // are too many. Valid until the next Turn; masters and seeds, as long as SetMasters keeps them.
  Node* Get(const HostAndPort& at);

  // Another one that is up at each call, so that one that knows nothing does not keep others from
  // being asked. Null where none is. Valid until the next Turn.
  Node* NextUp();

  // The masters of a new slot map. They stay, and those that were used since the last one came,
  // and, where `keep_seeds`, the cluster's seeds. Others end when they are idle.
  void SetMasters(const std::vector<HostAndPort>& masters, bool keep_seeds);

  // The steps of a loop's turn, for all.
  bool Turn();
  bool AnswersOutstanding() const;
  void BeforeSleep();

 private:
  void EndUnused();

  Loop& loop_;
  Watcher& watcher_;
  Resolver& resolver_;
  Metrics& metrics_;
  const Address cluster_;
  const absl::Duration timeout_;
  ServerStates& states_;
  bool* const slots_moved_;

  std::vector<std::unique_ptr<Node>> nodes_;
  bool some_unused_ = false;
  size_t next_ = 0;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_CLUSTER_NODES_H_
