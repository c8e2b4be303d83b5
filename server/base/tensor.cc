#include "server/base/tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace predictd {
namespace {

// BF16 is the upper half of a float.
uint16_t ToBfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float FromBfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits; exponent bias 15.
uint16_t ToHalf(float value) {
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const float magnitude = std::abs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (magnitude >= 65520.0F) return sign | 0x7c00;  // rounds to infinity
  // Below the smallest normal one a step is 2^-24; above it, 2^(exponent - 10).
  const int exponent = magnitude < 0x1p-14F ? -14 : std::ilogb(magnitude);
  const auto steps = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  // Normal ones bring the 1 before the point, which carries into the exponent.
  return static_cast<uint16_t>(sign | (((exponent + 14) << 10) + steps));
}

float FromHalf(uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  float value = 0;
  if (exponent == 0x1f) {
    value = fraction == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

// Casting a value outside of the integer's range is undefined.
template <typename Integer>
Integer Cut(float value) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(value)) return 0;
  if (value <= static_cast<float>(Limits::min())) return Limits::min();
  if (value >= static_cast<float>(Limits::max())) return Limits::max();
  return static_cast<Integer>(value);
}

template <typename Element, typename Convert>
void WriteEach(absl::Span<const float> values, char* to, Convert convert) {
  for (const float value : values) {
    const Element element = convert(value);
    std::memcpy(to, &element, sizeof(element));
    to += sizeof(element);
  }
}

template <typename Element, typename Convert>
void ReadEach(const char* from, absl::Span<float> values, Convert convert) {
  for (float& value : values) {
    Element element;
    std::memcpy(&element, from, sizeof(element));
    value = convert(element);
    from += sizeof(element);
  }
}

template <typename Integer>
void ReadIntegers(const char* from, absl::Span<float> values) {
  ReadEach<Integer>(from, values, [](Integer element) { return static_cast<float>(element); });
}

// x - x is 0 for finite x and NaN for the others, and the sum needs no branch per value.
template <typename Float>
bool FiniteFloats(const char* values, size_t count) {
  Float sum = 0;
  for (size_t i = 0; i < count; ++i) {
    Float value;
    std::memcpy(&value, values + i * sizeof(value), sizeof(value));
    sum += value - value;
  }
  return sum == 0;
}

// Infinity and NaN have all exponent bits set.
bool FiniteHalves(const char* values, size_t count, uint16_t exponent) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, values + i * sizeof(bits), sizeof(bits));
    if ((bits & exponent) == exponent) return false;
  }
  return true;
}

}  // namespace

bool AllFixed(absl::Span<const TensorLayout> tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const TensorLayout& tensor) { return tensor.fixed(); });
}

int64_t ElementsPerRow(absl::Span<const int64_t> shape) {
  int64_t elements = 1;
  for (size_t d = 1; d < shape.size(); ++d) {
    if (shape[d] < 0) return -1;
    elements *= shape[d];
  }
  return elements;
}

void FromFloats(absl::Span<const float> values, Datatype datatype, char* to) {
  switch (datatype) {
    case Datatype::kFp32:
      std::memcpy(to, values.data(), values.size() * sizeof(float));
      return;
    case Datatype::kFp64:
      return WriteEach<double>(values, to, [](float v) { return static_cast<double>(v); });
    case Datatype::kFp16:
      return WriteEach<uint16_t>(values, to, ToHalf);
    case Datatype::kBf16:
      return WriteEach<uint16_t>(values, to, ToBfloat16);
    case Datatype::kBool:
      return WriteEach<uint8_t>(values, to, [](float v) { return v != 0 ? 1 : 0; });
    case Datatype::kInt8:
      return WriteEach<int8_t>(values, to, Cut<int8_t>);
    case Datatype::kUint8:
      return WriteEach<uint8_t>(values, to, Cut<uint8_t>);
    case Datatype::kInt16:
      return WriteEach<int16_t>(values, to, Cut<int16_t>);
    case Datatype::kInt32:
      return WriteEach<int32_t>(values, to, Cut<int32_t>);
    case Datatype::kInt64:
      return WriteEach<int64_t>(values, to, Cut<int64_t>);
  }
}

void ToFloats(const char* from, Datatype datatype, absl::Span<float> values) {
  switch (datatype) {
    case Datatype::kFp32:
      std::memcpy(values.data(), from, values.size() * sizeof(float));
      return;
    case Datatype::kFp64:
      return ReadEach<double>(from, values, [](double v) { return static_cast<float>(v); });
    case Datatype::kFp16:
      return ReadEach<uint16_t>(from, values, FromHalf);
    case Datatype::kBf16:
      return ReadEach<uint16_t>(from, values, FromBfloat16);
    case Datatype::kBool:
      return ReadEach<uint8_t>(from, values, [](uint8_t v) { return v != 0 ? 1.0F : 0.0F; });
    case Datatype::kInt8:
      return ReadIntegers<int8_t>(from, values);
    case Datatype::kUint8:
      return ReadIntegers<uint8_t>(from, values);
    case Datatype::kInt16:
      return ReadIntegers<int16_t>(from, values);
    case Datatype::kInt32:
      return ReadIntegers<int32_t>(from, values);
    case Datatype::kInt64:
      return ReadIntegers<int64_t>(from, values);
  }
}

bool AllFinite(const char* values, Datatype datatype, size_t count) {
  switch (datatype) {
    case Datatype::kFp32:
      return FiniteFloats<float>(values, count);
    case Datatype::kFp64:
      return FiniteFloats<double>(values, count);
    case Datatype::kFp16:
      return FiniteHalves(values, count, 0x7c00);
    case Datatype::kBf16:
      return FiniteHalves(values, count, 0x7f80);
    default:
      return true;
  }
}

}  // namespace predictd
