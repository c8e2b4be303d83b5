// What the process knows of one Redis server, so that each change is one line in the log, however
// many event loops notice it.
#ifndef PREDICTD_SERVER_REDIS_SERVER_STATE_H_
#define PREDICTD_SERVER_REDIS_SERVER_STATE_H_

#include <array>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"

namespace predictd::redis {

// Shared by the clients of one address; any thread. Clients call it when what they see changes, not
// per command.
class ServerState {
 public:
  enum class Health { kUnknown, kUp, kDown, kRefused };
  // What a server that is up may still not do.
  enum class Trouble { kRefusesReads, kRefusesWrites, kReadOnly, kNoSlotMap, kHasNoSlots };

  // `address` is for the log: without a password.
  explicit ServerState(std::string address) : address_(std::move(address)) {}

  // One client saw the server as `before` and sees it as `now`. The process calls a server up when
  // no client of it is down.
  void Change(Health before, Health now, absl::string_view error) ABSL_LOCKS_EXCLUDED(mutex_);

  // Says once that the trouble has begun, or, where `error` is empty, that it is over.
  void Note(Trouble trouble, absl::string_view error) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  static constexpr int kHealths = 4;
  static constexpr int kTroubles = 5;

  const std::string address_;
  Mutex mutex_;
  std::array<int, kHealths> clients_ ABSL_GUARDED_BY(mutex_) = {};  // by what they see
  Health reported_ ABSL_GUARDED_BY(mutex_) = Health::kUnknown;
  std::array<bool, kTroubles> troubles_ ABSL_GUARDED_BY(mutex_) = {};
};

// The states of all servers, by address. Owned by main; any thread.
class ServerStates {
 public:
  // Lives as long as somebody holds it.
  std::shared_ptr<ServerState> For(const std::string& address) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<ServerState>> states_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_SERVER_STATE_H_
