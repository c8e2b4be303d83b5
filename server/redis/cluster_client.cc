#include "server/redis/cluster_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/redis/key_slot.h"

namespace predictd::redis {
namespace {

constexpr int kMostRedirections = 5;

absl::Status NobodyHasTheKey() {
  return absl::UnavailableError("no server of the redis cluster is known to have the key");
}

}  // namespace

ClusterClient::ClusterClient(Loop& loop, Watcher& watcher, Resolver& resolver, Metrics& metrics,
                             const Address& address, absl::Duration timeout, ServerStates& states)
    : loop_(loop),
      metrics_(metrics),
      address_(address),
      timeout_(timeout),
      nodes_(loop, watcher, resolver, metrics, address, timeout, states, &slots_moved_) {
  loop_.AddStep(*this);
}

ClusterClient::~ClusterClient() { loop_.Stop(*this); }

bool ClusterClient::up() const {
  return map_.complete() && std::all_of(masters_.begin(), masters_.end(), [](const Client* master) {
           return master != nullptr && master->up();
         });
}

Client* ClusterClient::ClientFor(absl::Span<const absl::string_view> arguments) const {
  const auto master = map_.MasterOf(KeySlot(arguments[1]));
  return master ? masters_[*master] : nullptr;
}

const HostAndPort& ClusterClient::ServerFor(absl::Span<const absl::string_view> arguments) const {
  const auto master = map_.MasterOf(KeySlot(arguments[1]));
  return master ? map_.masters()[*master] : address_.seeds.front();
}

CommandAwaiter ClusterClient::Command(absl::Span<const absl::string_view> arguments) {
  Client* const client = ClientFor(arguments);
  if (client == nullptr) return CommandAwaiter(loop_, NobodyHasTheKey());
  return client->Command(arguments);
}

bool ClusterClient::Send(absl::Span<const absl::string_view> arguments) {
  if (Client* const client = ClientFor(arguments)) return client->Send(arguments);
  metrics_.CountStoreError(Store::kRedis, StoreError::kWrite);
  return false;
}

Task<absl::StatusOr<Reply>> ClusterClient::Follow(Reply reply,
                                                  absl::Span<const absl::string_view> arguments) {
  HostAndPort asked = ServerFor(arguments);
  for (int followed = 0; followed < kMostRedirections && IsRedirection(reply); ++followed) {
    const std::optional<Redirection> redirection = ParseRedirection(reply, asked);
    if (!redirection) break;
    Task<Client*> finding = Named(redirection->to);
    Client* const client = co_await std::move(finding);
    if (client == nullptr) break;
    if (!redirection->ask) {
      const size_t index = map_.Move(redirection->slot, redirection->to);
      if (index >= masters_.size()) masters_.resize(index + 1);
      masters_[index] = client;
    } else {
      // Holds for the one command behind it on the same connection. Nobody needs its answer.
      const CommandAwaiter asking = client->Command({"ASKING"});
    }
    asked = redirection->to;
    CommandAwaiter command = client->Command(arguments);
    absl::StatusOr<Reply> next = co_await command;
    if (!next.ok()) co_return next.status();
    reply = *std::move(next);
  }
  if (!IsRedirection(reply)) co_return std::move(reply);
  metrics_.CountStoreError(Store::kRedis, StoreError::kError);
  co_return absl::UnavailableError(absl::StrCat("redis redirects to nowhere: ", reply.text()));
}

Task<Client*> ClusterClient::Named(HostAndPort at) {
  const absl::Time latest = loop_.Now() + timeout_;
  while (true) {
    // Looked up each time: a slot map that comes meanwhile may have ended it.
    ClusterNodes::Node* const node = nodes_.Get(at);
    if (node == nullptr) co_return nullptr;
    node->used = true;
    if (!node->client->starting() || loop_.Now() >= latest) co_return node->client.get();
    auto nap = loop_.Sleep(absl::Milliseconds(1));
    co_await nap;
  }
}

}  // namespace predictd::redis
