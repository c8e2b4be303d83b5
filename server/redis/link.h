// A connection of its own beside those of the loops' clients: connects, logs in, and is looked at
// only when its socket has something, so that a loop pays for it only then.
#ifndef PREDICTD_SERVER_REDIS_LINK_H_
#define PREDICTD_SERVER_REDIS_LINK_H_

#include <atomic>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/async/loop.h"
#include "server/async/watcher.h"
#include "server/redis/address.h"
#include "server/redis/connection.h"
#include "server/redis/endpoint.h"
#include "server/redis/handshake.h"
#include "server/redis/reply.h"

namespace predictd::redis {

// Loop's thread only; goes before the watcher and the loop. Has no time-outs of its own. An error
// means that the connection is of no more use: its owner closes it.
class Link {
 public:
  // Called with each reply after the handshake. Not OK: ends the link with this error.
  using Take = absl::FunctionRef<absl::Status(const ReplyView&)>;

  Link(Loop& loop, Watcher& watcher, const Address& address)
      : loop_(loop), watcher_(watcher), address_(address) {}
  ~Link() { Close(); }

  // Starts to connect, once whatever there was is closed.
  absl::Status Open(const Endpoint& endpoint);
  void Close();

  // Connected, logged in, and answering.
  bool ready() const { return ready_; }
  // A command that Turn sends.
  void Append(absl::Span<const absl::string_view> arguments) { connection_->Append(arguments); }

  // Whether Turn has anything to do.
  bool fired() const { return fired_.load(std::memory_order_relaxed); }
  // Goes on as far as it can without waiting, whether the socket has fired or not, up to a bound.
  absl::Status Turn(Take take);

  // Sends what is appended and asks to be woken for the next answer.
  absl::Status Flush();

  // From the owner's step of the same name.
  void BeforeSleep();

 private:
  absl::Status FinishConnecting();
  absl::Status Read(Take take);
  void Arm();

  Loop& loop_;
  Watcher& watcher_;
  const Address& address_;  // the owner's

  std::unique_ptr<Connection> connection_;  // null while closed
  bool connected_ = false;
  bool ready_ = false;
  Handshake handshake_;
  std::optional<Watcher::Event> armed_;
  std::atomic<bool> fired_{false};
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_LINK_H_
