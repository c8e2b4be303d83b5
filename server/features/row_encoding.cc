#include "server/features/row_encoding.h"

#include "absl/status/status.h"

namespace predictd::features {

CacheAnswer DecodeError(const redis::ReplyView& reply) {
  if (reply.error_code() == "WRONGTYPE") return {.error = StoreError::kWrongType};
  return {.status = absl::UnavailableError(reply.text())};
}

CacheAnswer Nothing() { return {.may_fill = true}; }

CacheAnswer Garbage() { return {.may_fill = true, .error = StoreError::kGarbage}; }

}  // namespace predictd::features
