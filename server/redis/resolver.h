// Looks up host names on a thread of its own, because getaddrinfo blocks.
#ifndef PREDICTD_SERVER_REDIS_RESOLVER_H_
#define PREDICTD_SERVER_REDIS_RESOLVER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/async/loop.h"
#include "server/redis/endpoint.h"

namespace predictd::redis {

// Shared by all loops, owned by main. The thread starts with the first name that is asked for:
// numeric addresses and Unix sockets need none. Destroyed before the loops it answers; a look-up
// that hangs then is left behind and its answer dropped.
class Resolver {
 public:
  using Answer = absl::StatusOr<std::vector<Endpoint>>;
  using LookUp = std::function<Answer(const std::string& host, int port)>;
  using Done = std::function<void(Answer)>;

  // `look_up` may block; called on the resolver's thread only.
  explicit Resolver(LookUp look_up = LookUpEndpoints);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` on `loop`, never within this call. Any thread. Requests for one name that wait
  // together share one look-up.
  void Resolve(std::string host, int port, Loop& loop, Done done);

 private:
  struct State;
  static void Run(std::shared_ptr<State> state);

  // Shared with the thread, which may outlive this object in a look-up that hangs.
  const std::shared_ptr<State> state_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_RESOLVER_H_
