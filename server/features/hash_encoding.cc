#include "server/features/hash_encoding.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <system_error>

#include "absl/container/inlined_vector.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/json.h"

namespace predictd::features {

std::optional<float> ParseFeature(absl::string_view text) {
  float value;
  const char* const end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, value);
  if (parsed.ptr != end || parsed.ec == std::errc::invalid_argument) return std::nullopt;
  // Out of a float's range: 0 or infinite.
  if (parsed.ec != std::errc() && !absl::SimpleAtof(text, &value)) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<std::string> HashEncoding::Fields(const Schema& schema) const { return schema.names(); }

Arguments HashEncoding::ReadCommand(absl::string_view key,
                                    absl::Span<const std::string> fields) const {
  return HashReadCommand(key, fields);
}

CacheAnswer HashEncoding::Decode(const redis::ReplyView& reply,
                                 const std::shared_ptr<const Schema>& schema) const {
  if (reply.type() == redis::ReplyType::kError) return DecodeError(reply);
  const size_t features = schema->size();
  if (!reply.is_array() || reply.size() != features) {
    return Garbage("the answer to HMGET has not as many values as were asked for");
  }
  FeatureRow row;
  row.schema = schema;
  row.origin = FeatureOrigin::kRedis;
  row.values.resize(features, std::numeric_limits<float>::quiet_NaN());
  bool any = false;
  for (size_t i = 0; i < features; ++i) {
    const redis::ReplyView field = reply[i];
    if (field.is_nil()) continue;
    const std::optional<float> value =
        field.is_string() ? ParseFeature(field.text()) : std::nullopt;
    if (!value) {
      return Garbage(
          absl::StrCat("field '", schema->names()[i], "' of a hash is no decimal number"));
    }
    row.values[i] = *value;
    any = true;
  }
  if (!any) return Nothing();
  return {.row = std::move(row), .may_fill = true};
}

void HashEncoding::WriteCommands(absl::string_view key, const FeatureRow& row, absl::Duration ttl,
                                 Send send) const {
  // Never grows beyond what is reserved, so that the views below stay valid.
  absl::InlinedVector<std::string, 32> texts;
  texts.reserve(row.values.size());
  Arguments set{"HSET", key};
  // The value that such a field had before would be read for the missing one.
  Arguments remove{"HDEL", key};
  for (size_t i = 0; i < row.values.size(); ++i) {
    const std::string& name = row.schema->names()[i];
    if (!std::isfinite(row.values[i])) {
      remove.push_back(name);
      continue;
    }
    AppendJsonFloat(row.values[i], texts.emplace_back());
    set.insert(set.end(), {name, texts.back()});
  }
  if (remove.size() > 2) send(remove);
  if (texts.empty()) return;
  send(set);
  if (ttl == absl::InfiniteDuration()) return;
  const std::string millis = absl::StrCat(std::max<int64_t>(1, absl::ToInt64Milliseconds(ttl)));
  send({"PEXPIRE", key, millis});
}

Arguments HashEncoding::DropCommand(absl::string_view key,
                                    absl::Span<const std::string> fields) const {
  Arguments command{"HDEL", key};
  command.insert(command.end(), fields.begin(), fields.end());
  return command;
}

}  // namespace predictd::features
