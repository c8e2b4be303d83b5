#include "server/features/murmur3.h"

#include <cstddef>

#include "server/features/little_endian.h"

namespace predictd::features {
namespace {

uint32_t RotateLeft(uint32_t value, int bits) { return (value << bits) | (value >> (32 - bits)); }

uint32_t Mix(uint32_t block) { return RotateLeft(block * 0xcc9e2d51, 15) * 0x1b873593; }

}  // namespace

uint32_t Murmur3(absl::string_view bytes) {
  uint32_t hash = 0;
  absl::string_view rest = bytes;
  for (; rest.size() >= 4; rest.remove_prefix(4)) {
    hash = RotateLeft(hash ^ Mix(LittleEndian<uint32_t>(rest.data())), 13) * 5 + 0xe6546b64;
  }
  uint32_t tail = 0;
  for (size_t i = rest.size(); i > 0; --i) tail = tail << 8 | static_cast<uint8_t>(rest[i - 1]);
  hash ^= Mix(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

}  // namespace predictd::features
