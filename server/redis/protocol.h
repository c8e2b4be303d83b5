// RESP, Redis' protocol: commands are formatted here, replies are read by hiredis.
#ifndef PREDICTD_SERVER_REDIS_PROTOCOL_H_
#define PREDICTD_SERVER_REDIS_PROTOCOL_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/redis/reply.h"

struct redisReader;

namespace predictd::redis {

// Appends one command; arguments may hold any bytes.
void AppendCommand(absl::Span<const absl::string_view> arguments, std::string& out);

// Cuts a stream of bytes into replies. Trusts nothing that it reads: what is no reply, or would be
// one too large, ends it with an error. One thread.
class ReplyReader {
 public:
  // Longest reply, in bytes of the protocol.
  static constexpr size_t kLongestReply = 64 << 20;

  ReplyReader();
  ~ReplyReader();

  // Bytes that come next. They stay in place until Next returned nothing.
  void Feed(absl::string_view bytes) { unread_ = bytes; }

  // The next whole reply. Nothing: more bytes are needed, or status() is an error.
  std::optional<Reply> Next();

  // DATA_LOSS once the stream cannot be read any further.
  const absl::Status& status() const { return status_; }

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };

  bool TooLarge() const;

  std::unique_ptr<redisReader, Free> reader_;
  absl::string_view unread_;
  size_t unfinished_bytes_ = 0;  // fed since the last whole reply
  absl::Status status_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_PROTOCOL_H_
