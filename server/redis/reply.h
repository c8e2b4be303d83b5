// A reply of Redis, without hiredis in the header.
#ifndef PREDICTD_SERVER_REDIS_REPLY_H_
#define PREDICTD_SERVER_REDIS_REPLY_H_

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

struct redisReply;

namespace predictd::redis {

enum class ReplyType { kNil, kString, kStatus, kError, kInteger, kArray };

// Looks at a reply, or at one element of it, that a Reply owns.
class ReplyView {
 public:
  explicit ReplyView(const redisReply* reply) : reply_(reply) {}

  ReplyType type() const;
  // Of kString, kStatus and kError; else empty.
  absl::string_view text() const;
  // Of kInteger; else 0.
  int64_t integer() const;
  // Of kArray; else 0.
  size_t size() const;
  ReplyView operator[](size_t index) const;  // index < size()

  bool is_nil() const { return type() == ReplyType::kNil; }
  bool is_string() const { return type() == ReplyType::kString; }
  bool is_array() const { return type() == ReplyType::kArray; }
  // The first word of an error, such as "WRONGTYPE"; empty for other types.
  absl::string_view error_code() const;

 private:
  const redisReply* reply_;
};

// Owns a whole reply.
class Reply : public ReplyView {
 public:
  explicit Reply(redisReply* reply);

 private:
  struct Free {
    void operator()(redisReply* reply) const;
  };
  std::unique_ptr<redisReply, Free> owned_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_REPLY_H_
