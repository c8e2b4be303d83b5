// What a new connection says first: AUTH and SELECT where the address asks for them, then PING, all
// sent together. Only after PING's answer is the connection known to work.
#ifndef PREDICTD_SERVER_REDIS_HANDSHAKE_H_
#define PREDICTD_SERVER_REDIS_HANDSHAKE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/redis/address.h"
#include "server/redis/connection.h"
#include "server/redis/reply.h"

namespace predictd::redis {

// True for the error codes that say that the credentials do not suffice.
bool IsRefusal(absl::string_view error_code);

// One thread.
class Handshake {
 public:
  // Appends the commands.
  void Begin(const Address& address, Connection& connection);

  // Takes the next answer. PERMISSION_DENIED: the credentials do not suffice. FAILED_PRECONDITION:
  // another error of Redis, such as LOADING. DATA_LOSS: not an answer to what was sent. No message
  // holds the password.
  absl::Status Take(const ReplyView& reply);

  bool done() const { return next_ == expected_.size(); }

 private:
  struct Step {
    absl::string_view command;
    absl::string_view answer;
  };

  std::vector<Step> expected_;
  size_t next_ = 0;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_HANDSHAKE_H_
