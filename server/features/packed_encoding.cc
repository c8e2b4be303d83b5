#include "server/features/packed_encoding.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/features/little_endian.h"

namespace predictd::features {
namespace {

constexpr size_t kHeaderBytes = 16;
// The end of the year 9999: a row that was read later than that is garbage.
constexpr uint64_t kLastMillis = 253402300799999;

}  // namespace

std::string PackRow(const FeatureRow& row) {
  std::string value;
  value.reserve(kHeaderBytes + 4 * row.values.size());
  AppendLittleEndian(row.schema->fingerprint(), value);
  AppendLittleEndian(static_cast<uint64_t>(absl::ToUnixMillis(row.read_at)), value);
  for (const float feature : row.values) {
    uint32_t bits;
    std::memcpy(&bits, &feature, sizeof(bits));
    AppendLittleEndian(bits, value);
  }
  return value;
}

std::optional<FeatureRow> UnpackRow(absl::string_view value,
                                    const std::shared_ptr<const Schema>& schema) {
  const size_t features = schema->size();
  if (value.size() != kHeaderBytes + 4 * features) return std::nullopt;
  if (LittleEndian<uint64_t>(value.data()) != schema->fingerprint()) return std::nullopt;
  const uint64_t millis = LittleEndian<uint64_t>(value.data() + 8);
  if (millis > kLastMillis) return std::nullopt;
  FeatureRow row;
  row.schema = schema;
  row.origin = FeatureOrigin::kRedis;
  row.read_at = absl::FromUnixMillis(static_cast<int64_t>(millis));
  row.values.resize(features);
  for (size_t i = 0; i < features; ++i) {
    const uint32_t bits = LittleEndian<uint32_t>(value.data() + kHeaderBytes + 4 * i);
    std::memcpy(&row.values[i], &bits, sizeof(bits));
    if (std::isinf(row.values[i])) return std::nullopt;
  }
  return row;
}

std::vector<std::string> PackedEncoding::Fields(const Schema&) const { return {}; }

Arguments PackedEncoding::ReadCommand(absl::string_view key, absl::Span<const std::string>) const {
  return {"GET", key};
}

CacheAnswer PackedEncoding::Decode(const redis::ReplyView& reply,
                                   const std::shared_ptr<const Schema>& schema) const {
  switch (reply.type()) {
    case redis::ReplyType::kNil:
      return Nothing();
    case redis::ReplyType::kError:
      return DecodeError(reply);
    case redis::ReplyType::kString:
      break;
    default:
      return Garbage("the answer to GET is no string");
  }
  std::optional<FeatureRow> row = UnpackRow(reply.text(), schema);
  if (!row) {
    return Garbage(
        "a packed value has another length or fingerprint than the features' names give, or an "
        "infinite number");
  }
  return {.row = *std::move(row), .may_fill = true};
}

void PackedEncoding::WriteCommands(absl::string_view key, const FeatureRow& row, absl::Duration ttl,
                                   Send send) const {
  const std::string value = PackRow(row);
  const std::string millis = absl::StrCat(std::max<int64_t>(1, absl::ToInt64Milliseconds(ttl)));
  Arguments command{"SET", key, value};
  if (ttl != absl::InfiniteDuration()) command.insert(command.end(), {"PX", millis});
  send(command);
}

Arguments PackedEncoding::DropCommand(absl::string_view key, absl::Span<const std::string>) const {
  return {"DEL", key};
}

}  // namespace predictd::features
