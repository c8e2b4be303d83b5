// How a cluster client keeps its slot map up to date.
#include <algorithm>
#include <utility>

#include "server/redis/cluster_client.h"

namespace predictd::redis {
namespace {

// While nothing seems to be wrong.
constexpr absl::Duration kRefreshPeriod = absl::Seconds(10);

}  // namespace

bool ClusterClient::Turn() {
  bool progress = nodes_.Turn();
  progress |= TakeSlots();
  const bool was_up = std::exchange(was_up_, up());
  if (was_up && !was_up_) backoff_.Reset();
  if (std::exchange(slots_moved_, false) || (was_up && !was_up_)) RefreshSoon();
  return AskForSlots() || progress;
}

void ClusterClient::RefreshAt(absl::Time when) {
  if (refresh_due_ || (running() && next_refresh_ <= when)) return;
  next_refresh_ = when;
  loop_.Start(*this, when);
}

bool ClusterClient::AskForSlots() {
  if (!refresh_due_ || slots_ != nullptr) return false;
  ClusterNodes::Node* const node = nodes_.NextUp();
  if (node == nullptr) {
    // The first of them that is up is asked at once.
    if (std::exchange(has_seeds_, true)) return false;
    for (const HostAndPort& seed : address_.seeds) nodes_.Get(seed);
    return true;
  }
  refresh_due_ = false;
  last_refresh_ = loop_.Now();
  asked_ = node->at;
  asked_state_ = node->state;
  slots_.reset(new CommandAwaiter(node->client->Command({"CLUSTER", "SLOTS"})));
  return true;
}

bool ClusterClient::TakeSlots() {
  if (slots_ == nullptr || !slots_->await_ready()) return false;
  const absl::StatusOr<Reply> reply = slots_->await_resume();
  slots_.reset();
  absl::Status installed = reply.status();
  if (reply.ok()) {
    installed = Install(*reply);
    asked_state_->Note(ServerState::Trouble::kNoSlotMap, installed.message());
  }
  const bool all_is_well = installed.ok() && up();
  if (all_is_well) backoff_.Reset();
  RefreshAt(loop_.Now() + (all_is_well ? kRefreshPeriod : backoff_.Next()));
  return true;
}

absl::Status ClusterClient::Install(const ReplyView& reply) {
  absl::StatusOr<SlotMap> map = SlotMap::Parse(reply, asked_);
  if (!map.ok()) {
    if (absl::IsDataLoss(map.status())) {
      metrics_.CountStoreError(Store::kRedis, StoreError::kGarbage);
    }
    return map.status();
  }
  map_ = *std::move(map);
  masters_.clear();
  for (const HostAndPort& at : map_.masters()) {
    ClusterNodes::Node* const node = nodes_.Get(at);
    masters_.push_back(node == nullptr ? nullptr : node->client.get());
  }
  // Seeds stay as long as something is wrong.
  has_seeds_ = has_seeds_ && !up();
  nodes_.SetMasters(map_.masters(), has_seeds_);
  return absl::OkStatus();
}

}  // namespace predictd::redis
