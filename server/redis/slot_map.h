// Which server of a Redis Cluster has which slot, as one of them says, and where an error of Redis
// sends a command instead.
#ifndef PREDICTD_SERVER_REDIS_SLOT_MAP_H_
#define PREDICTD_SERVER_REDIS_SLOT_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/redis/address.h"
#include "server/redis/key_slot.h"
#include "server/redis/reply.h"

namespace predictd::redis {

// More servers than this no cluster has.
inline constexpr size_t kMostNodes = 1000;

// One thread.
class SlotMap {
 public:
  // No slot is served.
  SlotMap() : masters_of_(kSlots, kNobody) {}

  // The answer to CLUSTER SLOTS of the server at `asked`, whose host stands for those that are not
  // known by name. UNAVAILABLE: an error of Redis, or a server that knows of no slots. DATA_LOSS:
  // anything that is no slot map.
  static absl::StatusOr<SlotMap> Parse(const ReplyView& reply, const HostAndPort& asked);

  // Each once.
  const std::vector<HostAndPort>& masters() const { return masters_; }
  // Index into masters(); nothing where nobody serves the slot.
  std::optional<size_t> MasterOf(int slot) const {
    const uint16_t index = masters_of_[static_cast<size_t>(slot)];
    if (index == kNobody) return std::nullopt;
    return index;
  }
  // Somebody serves each slot.
  bool complete() const { return complete_; }

  // The slot is served by `master` from now on; returns its index into masters().
  size_t Move(int slot, const HostAndPort& master);

 private:
  static constexpr uint16_t kNobody = UINT16_MAX;

  size_t IndexOf(const HostAndPort& master);
  absl::Status AddRange(const ReplyView& range, const HostAndPort& asked);

  std::vector<HostAndPort> masters_;
  std::vector<uint16_t> masters_of_;  // by slot
  bool complete_ = false;
};

// "MOVED 3999 127.0.0.1:6381" or "ASK ...".
struct Redirection {
  bool ask = false;  // this command only: the slot is on its way
  int slot = 0;
  HostAndPort to;
};

// True for both errors, whatever follows the first word.
bool IsRedirection(const ReplyView& reply);

// Nothing where `reply` is no redirection, or one that cannot be read. `asked` as above.
std::optional<Redirection> ParseRedirection(const ReplyView& reply, const HostAndPort& asked);

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_SLOT_MAP_H_
