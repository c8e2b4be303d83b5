#include "server/redis/cluster_nodes.h"

#include <algorithm>
#include <utility>

#include "server/redis/slot_map.h"

namespace predictd::redis {
namespace {

bool Contains(const std::vector<HostAndPort>& all, const HostAndPort& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

ClusterNodes::ClusterNodes(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics,
                           const Address& cluster, absl::Duration timeout, ServerStates& states,
                           bool* slots_moved)
    : loop_(loop),
      watcher_(watcher),
      resolver_(resolver),
      metrics_(metrics),
      cluster_(cluster),
      timeout_(timeout),
      states_(states),
      slots_moved_(slots_moved) {}

ClusterNodes::Node* ClusterNodes::Get(const HostAndPort& at) {
  for (const auto& node : nodes_) {
    if (node->at != at) continue;
    node->kept = true;
    return node.get();
  }
  if (nodes_.size() >= kMostNodes) return nullptr;
  const Address address = cluster_.Node(at);
  auto node = std::make_unique<Node>();
  node->at = at;
  node->state = states_.For(address.ToString());
  node->client =
      std::make_unique<Client>(loop_, watcher_, resolver_, metrics_, address, timeout_,
                               ClientOptions{.state = node->state, .slots_moved = slots_moved_});
  return nodes_.emplace_back(std::move(node)).get();
}

ClusterNodes::Node* ClusterNodes::NextUp() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = *nodes_[next_++ % nodes_.size()];
    if (node.kept && node.client->up()) return &node;
  }
  return nullptr;
}

void ClusterNodes::SetMasters(const std::vector<HostAndPort>& masters, bool keep_seeds) {
  using Trouble = ServerState::Trouble;
  for (const auto& node : nodes_) {
    const bool was_master = std::exchange(node->master, Contains(masters, node->at));
    const bool used = std::exchange(node->used, false);
    node->kept = node->master || used || (keep_seeds && Contains(cluster_.seeds, node->at));
    some_unused_ |= !node->kept;
    if (node->master != was_master) {
      node->state->Note(Trouble::kHasNoSlots, node->master ? "" : "the slot map leaves it out");
    }
  }
}

// Here, in a turn's step: no client's own function is under way.
void ClusterNodes::EndUnused() {
  const auto ends = [](const std::unique_ptr<Node>& node) {
    return !node->kept && node->client->idle();
  };
  nodes_.erase(std::remove_if(nodes_.begin(), nodes_.end(), ends), nodes_.end());
  some_unused_ = std::any_of(nodes_.begin(), nodes_.end(),
                             [](const std::unique_ptr<Node>& node) { return !node->kept; });
}

bool ClusterNodes::Turn() {
  if (some_unused_) EndUnused();
  bool progress = false;
  for (const auto& node : nodes_) progress |= node->client->Turn();
  return progress;
}

bool ClusterNodes::AnswersOutstanding() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const std::unique_ptr<Node>& node) {
    return node->client->AnswersOutstanding();
  });
}

void ClusterNodes::BeforeSleep() {
  for (const auto& node : nodes_) node->client->BeforeSleep();
}

}  // namespace predictd::redis
