#include "server/redis/reply.h"

#include <hiredis/hiredis.h>

namespace predictd::redis {

ReplyType ReplyView::type() const {
  switch (reply_->type) {
    case REDIS_REPLY_STRING:
      return ReplyType::kString;
    case REDIS_REPLY_ARRAY:
      return ReplyType::kArray;
    case REDIS_REPLY_INTEGER:
      return ReplyType::kInteger;
    case REDIS_REPLY_NIL:
      return ReplyType::kNil;
    case REDIS_REPLY_STATUS:
      return ReplyType::kStatus;
    default:
      // Also what a newer hiredis reads of RESP3, which is never asked for: nothing that a decoder
      // could take for a value.
      return ReplyType::kError;
  }
}

absl::string_view ReplyView::text() const {
  switch (reply_->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      return {reply_->str, reply_->len};
    default:
      return {};
  }
}

int64_t ReplyView::integer() const {
  return reply_->type == REDIS_REPLY_INTEGER ? reply_->integer : 0;
}

size_t ReplyView::size() const { return is_array() ? reply_->elements : 0; }

ReplyView ReplyView::operator[](size_t index) const { return ReplyView(reply_->element[index]); }

absl::string_view ReplyView::error_code() const {
  if (type() != ReplyType::kError) return {};
  const absl::string_view message = text();
  return message.substr(0, message.find(' '));
}

Reply::Reply(redisReply* reply) : ReplyView(reply), owned_(reply) {}

void Reply::Free::operator()(redisReply* reply) const { freeReplyObject(reply); }

}  // namespace predictd::redis
