#include "server/features/feast_key.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/features/little_endian.h"

namespace predictd::features {
namespace {

constexpr size_t kLengthBytes = 4;

void AppendNumber(size_t number, std::string& out) {
  AppendLittleEndian(static_cast<uint32_t>(number), out);
}

// Nothing where `text` is not what the number prints as.
template <typename Integer>
std::optional<Integer> ParseCanonical(absl::string_view text) {
  Integer value = 0;
  const std::from_chars_result parsed =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || absl::StrCat(value) != text) return std::nullopt;
  return value;
}

template <typename Integer, typename Unsigned>
std::optional<std::string> IntegerBytes(absl::string_view text) {
  const std::optional<Integer> value = ParseCanonical<Integer>(text);
  if (!value) return std::nullopt;
  std::string bytes;
  AppendLittleEndian(static_cast<Unsigned>(*value), bytes);
  return bytes;
}

template <typename Integer, typename Unsigned>
std::optional<std::string> IntegerText(absl::string_view bytes) {
  if (bytes.size() != sizeof(Integer)) return std::nullopt;
  return absl::StrCat(static_cast<Integer>(LittleEndian<Unsigned>(bytes.data())));
}

}  // namespace

FeastKey::FeastKey(absl::string_view project, absl::string_view join_key, FeastEntityType type)
    : project_(project), type_(type) {
  AppendNumber(1, head_);
  AppendNumber(static_cast<size_t>(FeastEntityType::kString), head_);
  AppendNumber(join_key.size(), head_);
  absl::StrAppend(&head_, join_key);
  AppendNumber(static_cast<size_t>(type), head_);
}

std::optional<std::string> FeastKey::Of(absl::string_view user_id) const {
  std::optional<std::string> value;
  switch (type_) {
    case FeastEntityType::kBytes:
    case FeastEntityType::kString:
      value.emplace(user_id);
      break;
    case FeastEntityType::kInt32:
      value = IntegerBytes<int32_t, uint32_t>(user_id);
      break;
    case FeastEntityType::kInt64:
    case FeastEntityType::kUnixTimestamp:
      value = IntegerBytes<int64_t, uint64_t>(user_id);
      break;
  }
  if (!value) return std::nullopt;
  std::string key = head_;
  key.reserve(head_.size() + kLengthBytes + value->size() + project_.size());
  AppendNumber(value->size(), key);
  absl::StrAppend(&key, *value, project_);
  return key;
}

std::optional<std::string> FeastKey::UserOf(absl::string_view key) const {
  if (!absl::ConsumePrefix(&key, head_) || key.size() < kLengthBytes) return std::nullopt;
  const auto length = LittleEndian<uint32_t>(key.data());
  key.remove_prefix(kLengthBytes);
  if (!absl::ConsumeSuffix(&key, project_) || key.size() != length) return std::nullopt;
  switch (type_) {
    case FeastEntityType::kBytes:
    case FeastEntityType::kString:
      return std::string(key);
    case FeastEntityType::kInt32:
      return IntegerText<int32_t, uint32_t>(key);
    case FeastEntityType::kInt64:
    case FeastEntityType::kUnixTimestamp:
      return IntegerText<int64_t, uint64_t>(key);
  }
  return std::nullopt;
}

}  // namespace predictd::features
