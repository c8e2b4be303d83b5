// Numbers in the order of bytes in which Redis values hold them, whatever the machine's.
#ifndef PREDICTD_SERVER_FEATURES_LITTLE_ENDIAN_H_
#define PREDICTD_SERVER_FEATURES_LITTLE_ENDIAN_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace predictd::features {

template <typename Unsigned>
void AppendLittleEndian(Unsigned value, std::string& out) {
  for (size_t i = 0; i < sizeof(value); ++i) out += static_cast<char>(value >> (8 * i));
}

// Of sizeof(Unsigned) bytes.
template <typename Unsigned>
Unsigned LittleEndian(const char* bytes) {
  Unsigned value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value |= static_cast<Unsigned>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_LITTLE_ENDIAN_H_
