#include "server/features/feast_value.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "server/features/little_endian.h"

namespace predictd::features {
namespace {

// https://protobuf.dev/programming-guides/encoding/
enum WireType { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

// Walks through the fields of a message.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : rest_(bytes) {}

  // Goes to the next field; false at the end and where the bytes are no message.
  bool Next() {
    uint64_t tag;
    if (rest_.empty() || !ReadVarint(tag)) return false;
    field_ = tag >> 3;
    type_ = static_cast<int>(tag & 7);
    well_formed_ = field_ != 0 && ReadValue();
    return well_formed_;
  }
  bool well_formed() const { return well_formed_; }

  bool Is(uint64_t field, WireType type) const { return field_ == field && type_ == type; }
  // Of a length-delimited field there is none.
  uint64_t value() const { return value_; }

 private:
  bool ReadVarint(uint64_t& value) {
    value = 0;
    well_formed_ = false;
    for (int shift = 0; shift < 70 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      // Of the tenth byte one bit is left over for the number; the rest is dropped, as elsewhere.
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return well_formed_ = true;
    }
    return false;
  }

  template <typename Unsigned>
  bool ReadFixed() {
    if (rest_.size() < sizeof(Unsigned)) return false;
    value_ = LittleEndian<Unsigned>(rest_.data());
    rest_.remove_prefix(sizeof(Unsigned));
    return true;
  }

  bool ReadValue() {
    switch (type_) {
      case kVarint:
        return ReadVarint(value_);
      case kFixed64:
        return ReadFixed<uint64_t>();
      case kFixed32:
        return ReadFixed<uint32_t>();
      case kLengthDelimited: {
        uint64_t length;
        if (!ReadVarint(length) || length > rest_.size()) return false;
        rest_.remove_prefix(length);
        return true;
      }
      default:
        return false;
    }
  }

  absl::string_view rest_;
  uint64_t field_ = 0;
  int type_ = 0;
  uint64_t value_ = 0;
  bool well_formed_ = true;
};

template <typename To, typename From>
To SameBits(From bits) {
  To value;
  static_assert(sizeof(value) == sizeof(bits));
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

FeastNumber Number(double value) {
  FeastNumber number;
  // Compared first: what is beyond a float must not be converted.
  if (std::abs(value) <= std::numeric_limits<float>::max()) {
    number.value = static_cast<float>(value);
  }
  return number;
}

}  // namespace

FeastNumber ReadFeastNumber(absl::string_view bytes) {
  FeastNumber number;
  WireReader field(bytes);
  // A oneof: of several the last one counts.
  while (field.Next()) {
    const uint64_t value = field.value();
    if (field.Is(3, kVarint)) {
      number = Number(static_cast<int32_t>(value));
    } else if (field.Is(4, kVarint) || field.Is(8, kVarint)) {
      number = Number(static_cast<double>(static_cast<int64_t>(value)));
    } else if (field.Is(5, kFixed64)) {
      number = Number(SameBits<double>(value));
    } else if (field.Is(6, kFixed32)) {
      number = Number(SameBits<float>(static_cast<uint32_t>(value)));
    } else if (field.Is(7, kVarint)) {
      number = Number(value != 0 ? 1 : 0);
    } else if (field.Is(19, kVarint)) {
      number = FeastNumber();
    } else {
      number = {.garbage = true};
    }
  }
  if (!field.well_formed()) return {.garbage = true};
  return number;
}

std::optional<absl::Time> ReadTimestamp(absl::string_view bytes) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  WireReader field(bytes);
  while (field.Next()) {
    if (field.Is(1, kVarint)) {
      seconds = static_cast<int64_t>(field.value());
    } else if (field.Is(2, kVarint)) {
      nanos = static_cast<int32_t>(field.value());
    } else {
      return std::nullopt;
    }
  }
  constexpr int64_t kFirst = -62135596800;
  constexpr int64_t kLast = 253402300799;
  if (!field.well_formed() || seconds < kFirst || seconds > kLast || nanos < 0 ||
      nanos >= 1000000000) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanos);
}

}  // namespace predictd::features
