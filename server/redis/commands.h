// What the features see of Redis, be it one server or a cluster.
#ifndef PREDICTD_SERVER_REDIS_COMMANDS_H_
#define PREDICTD_SERVER_REDIS_COMMANDS_H_

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/async/task.h"
#include "server/redis/command.h"
#include "server/redis/reply.h"

namespace predictd::redis {

// One per loop, that loop's thread only. Outlives every coroutine that awaits it. Each command is
// about one key, which follows the command's name: `arguments[1]`.
class Commands {
 public:
  virtual ~Commands() = default;

  // Awaitable<absl::StatusOr<Reply>>: an error reply of Redis is a Reply of type kError.
  // UNAVAILABLE: no connection, or lost before the answer. DEADLINE_EXCEEDED: no answer in time.
  // `arguments` are copied before this returns, and the command is under way: several may be issued
  // before the first is awaited. Where nobody can be asked, resumes at once.
  virtual CommandAwaiter Command(absl::Span<const absl::string_view> arguments) = 0;

  // Sends without waiting for the answer. False: dropped, since nobody can be asked. A failure, a
  // drop or an error reply is counted as StoreError::kWrite.
  virtual bool Send(absl::Span<const absl::string_view> arguments) = 0;

  // True for the error of a server that does not have the key but knows who does: Follow gets the
  // answer. One server alone redirects nobody.
  virtual bool Redirects(const ReplyView& /*reply*/) const { return false; }

  // The answer of the server that `reply`, to Command(arguments), points to. `arguments` outlive
  // it. UNAVAILABLE, besides: redirected too often.
  virtual Task<absl::StatusOr<Reply>> Follow(Reply reply,
                                             absl::Span<const absl::string_view> /*arguments*/) {
    co_return std::move(reply);
  }
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_COMMANDS_H_
