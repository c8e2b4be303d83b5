// Which of a Redis Cluster's slots a key belongs to.
#ifndef PREDICTD_SERVER_REDIS_KEY_SLOT_H_
#define PREDICTD_SERVER_REDIS_KEY_SLOT_H_

#include "absl/strings/string_view.h"

namespace predictd::redis {

inline constexpr int kSlots = 16384;

// CRC16 (XMODEM) of the key, or of its hash tag: what stands between the first '{' and the next '}'
// where that is not empty; modulo kSlots.
int KeySlot(absl::string_view key);

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_KEY_SLOT_H_
