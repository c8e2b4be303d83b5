#include "server/features/row_encoding.h"

#include "absl/status/status.h"

namespace predictd::features {
namespace {

bool IsRefusal(absl::string_view code) {
  return code == "NOAUTH" || code == "WRONGPASS" || code == "NOPERM" || code == "DENIED";
}

}  // namespace

CacheAnswer DecodeError(const redis::ReplyView& reply) {
  const absl::string_view code = reply.error_code();
  if (code == "WRONGTYPE") return {.error = StoreError::kWrongType};
  return {.status = absl::UnavailableError(reply.text()),
          .error = IsRefusal(code) ? StoreError::kRefused : StoreError::kError};
}

CacheAnswer Nothing() { return {.may_fill = true}; }

CacheAnswer Garbage() { return {.may_fill = true, .error = StoreError::kGarbage}; }

}  // namespace predictd::features
