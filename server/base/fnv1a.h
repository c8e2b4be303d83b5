// FNV-1a 64 (http://www.isthe.com/chongo/tech/comp/fnv/): the same on every machine and in every
// process, for what is stored or must come out alike after a restart.
#ifndef PREDICTD_SERVER_BASE_FNV1A_H_
#define PREDICTD_SERVER_BASE_FNV1A_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace predictd {

inline constexpr uint64_t kFnv1a64Start = 14695981039346656037ULL;

// `hash`: what comes before, to hash in pieces.
inline uint64_t Fnv1a64(absl::string_view text, uint64_t hash = kFnv1a64Start) {
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_FNV1A_H_
