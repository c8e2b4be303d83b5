#include "server/features/feast_encoding.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/features/feast_value.h"
#include "server/features/little_endian.h"
#include "server/features/murmur3.h"

namespace predictd::features {
namespace {

// Something that is no row of the view. Not to be filled: the store is Feast's.
CacheAnswer Unreadable(std::string problem) {
  return {.error = StoreError::kGarbage, .problem = std::move(problem)};
}

}  // namespace

FeastEncoding::FeastEncoding(Options options)
    : key_(options.project, options.entity_key, options.entity_type),
      view_(std::move(options.view)) {}

std::optional<std::string> FeastEncoding::Key(absl::string_view, absl::string_view user_id) const {
  return key_.Of(user_id);
}

std::optional<std::string> FeastEncoding::UserOf(absl::string_view, absl::string_view key) const {
  return key_.UserOf(key);
}

std::string FeastEncoding::KeyHead(absl::string_view) const { return key_.head(); }

std::vector<std::string> FeastEncoding::Fields(const Schema& schema) const {
  std::vector<std::string> fields;
  for (const std::string& name : schema.names()) {
    AppendLittleEndian(Murmur3(absl::StrCat(view_, ":", name)), fields.emplace_back());
  }
  fields.push_back(absl::StrCat("_ts:", view_));
  return fields;
}

Arguments FeastEncoding::ReadCommand(absl::string_view key,
                                     absl::Span<const std::string> fields) const {
  return HashReadCommand(key, fields);
}

CacheAnswer FeastEncoding::Decode(const redis::ReplyView& reply,
                                  const std::shared_ptr<const Schema>& schema) const {
  if (reply.type() == redis::ReplyType::kError) return DecodeError(reply);
  const size_t features = schema->size();
  if (!reply.is_array() || reply.size() != features + 1) {
    return Unreadable("the answer to HMGET has not as many values as were asked for");
  }
  FeatureRow row;
  row.schema = schema;
  row.origin = FeatureOrigin::kRedis;
  row.values.reserve(features);
  bool any = false;
  for (size_t i = 0; i < features; ++i) {
    const redis::ReplyView field = reply[i];
    any |= !field.is_nil();
    FeastNumber number;
    if (field.is_string()) number = ReadFeastNumber(field.text());
    if (number.garbage || !(field.is_string() || field.is_nil())) {
      return Unreadable(absl::StrCat("feature '", schema->names()[i], "' of the Feast view is no ",
                                     "number, boolean or time"));
    }
    row.values.push_back(number.value);
  }
  if (const redis::ReplyView made = reply[features]; !made.is_nil()) {
    any = true;
    const std::optional<absl::Time> time =
        made.is_string() ? ReadTimestamp(made.text()) : std::nullopt;
    if (!time) return Unreadable("the event time of the Feast view is no timestamp");
    row.read_at = *time;
  }
  if (!any) return {};
  return {.row = std::move(row)};
}

void FeastEncoding::WriteCommands(absl::string_view, const FeatureRow&, absl::Duration,
                                  Send) const {}

Arguments FeastEncoding::DropCommand(absl::string_view, absl::Span<const std::string>) const {
  return {};
}

}  // namespace predictd::features
