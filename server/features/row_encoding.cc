#include "server/features/row_encoding.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace predictd::features {

std::optional<std::string> RowEncoding::Key(absl::string_view prefix,
                                            absl::string_view user_id) const {
  return absl::StrCat(prefix, user_id);
}

std::optional<std::string> RowEncoding::UserOf(absl::string_view prefix,
                                               absl::string_view key) const {
  if (!absl::ConsumePrefix(&key, prefix)) return std::nullopt;
  return std::string(key);
}

std::string RowEncoding::KeyHead(absl::string_view prefix) const { return std::string(prefix); }

Arguments HashReadCommand(absl::string_view key, absl::Span<const std::string> fields) {
  Arguments command{"HMGET", key};
  command.insert(command.end(), fields.begin(), fields.end());
  return command;
}

CacheAnswer DecodeError(const redis::ReplyView& reply) {
  if (reply.error_code() == "WRONGTYPE") {
    return {.error = StoreError::kWrongType,
            .problem = "a key has another Redis type than --feature_cache_encoding says"};
  }
  return {.status = absl::UnavailableError(reply.text())};
}

CacheAnswer Nothing() { return {.may_fill = true}; }

CacheAnswer Garbage(std::string problem) {
  return {.may_fill = true, .error = StoreError::kGarbage, .problem = std::move(problem)};
}

}  // namespace predictd::features
