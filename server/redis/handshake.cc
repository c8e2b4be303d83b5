#include "server/redis/handshake.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace predictd::redis {

bool IsRefusal(absl::string_view error_code) {
  return error_code == "NOAUTH" || error_code == "WRONGPASS" || error_code == "NOPERM" ||
         error_code == "DENIED";
}

void Handshake::Begin(const Address& address, Connection& connection) {
  expected_.clear();
  next_ = 0;
  if (!address.password.empty()) {
    if (address.user.empty()) {
      connection.Append({"AUTH", address.password});
    } else {
      connection.Append({"AUTH", address.user, address.password});
    }
    expected_.push_back({"AUTH", "OK"});
  }
  if (address.database != 0) {
    connection.Append({"SELECT", absl::StrCat(address.database)});
    expected_.push_back({"SELECT", "OK"});
  }
  connection.Append({"PING"});
  expected_.push_back({"PING", "PONG"});
}

absl::Status Handshake::Take(const ReplyView& reply) {
  const Step& step = expected_[next_];
  if (reply.type() == ReplyType::kStatus && reply.text() == step.answer) {
    ++next_;
    return absl::OkStatus();
  }
  if (reply.type() != ReplyType::kError) {
    return absl::DataLossError(
        absl::StrCat("the answer to ", step.command, " is not ", step.answer));
  }
  const bool auth = step.command == "AUTH";
  const std::string message =
      auth ? absl::StrCat("AUTH: ", reply.error_code(),
                          " (the rest is not shown, as some servers repeat the password there)")
           : absl::StrCat(step.command, ": ", reply.text());
  // Before Redis 6 a wrong password is a plain ERR.
  const bool refused = IsRefusal(reply.error_code()) || (auth && reply.error_code() == "ERR");
  return refused ? absl::PermissionDeniedError(message) : absl::FailedPreconditionError(message);
}

}  // namespace predictd::redis
