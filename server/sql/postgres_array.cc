#include "server/sql/postgres_array.h"

#include <cstring>

namespace predictd {
namespace {

// The header: dimensions, whether there are NULLs, the element's type, length, lower bound; all of
// them 32 bits, big-endian.
constexpr size_t kHasNullsAt = 4;
constexpr size_t kLengthAt = 12;
constexpr uint32_t kNull = 0xffffffff;

}  // namespace

void PostgresArray::Clear() {
  size_ = 0;
  bytes_.clear();
  for (const uint32_t word :
       {uint32_t{1}, uint32_t{0}, static_cast<uint32_t>(element_), uint32_t{0}, uint32_t{1}}) {
    Append32(word);
  }
}

void PostgresArray::AppendText(absl::string_view text) {
  Append32(static_cast<uint32_t>(text.size()));
  bytes_.append(text.data(), text.size());
  Count();
}

void PostgresArray::AppendDouble(double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  Append32(sizeof bits);
  Append32(static_cast<uint32_t>(bits >> 32));
  Append32(static_cast<uint32_t>(bits));
  Count();
}

void PostgresArray::AppendNull() {
  Append32(kNull);
  Put32(kHasNullsAt, 1);
  Count();
}

void PostgresArray::Append32(uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
}

void PostgresArray::Put32(size_t at, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes_[at++] = static_cast<char>(value >> shift);
}

void PostgresArray::Count() { Put32(kLengthAt, ++size_); }

}  // namespace predictd
