// Where an address leads: known at once for sockets and numbers, asked of the resolver for names.
#ifndef PREDICTD_SERVER_REDIS_ENDPOINT_LOOK_UP_H_
#define PREDICTD_SERVER_REDIS_ENDPOINT_LOOK_UP_H_

#include <memory>

#include "server/async/loop.h"
#include "server/redis/address.h"
#include "server/redis/resolver.h"

namespace predictd::redis {

// Loop's thread only; goes before the loop and the resolver.
class EndpointLookUp {
 public:
  EndpointLookUp(Loop& loop, Resolver& resolver, const Address& address)
      : loop_(loop), resolver_(resolver), address_(address) {}
  EndpointLookUp(const EndpointLookUp&) = delete;
  EndpointLookUp& operator=(const EndpointLookUp&) = delete;

  // Calls `done` once: within this call where no look-up is needed, else on the loop. Never after
  // this object's end. Not again before `done` was called.
  void Begin(Resolver::Done done);

 private:
  Loop& loop_;
  Resolver& resolver_;
  const Address& address_;        // the owner's
  std::shared_ptr<bool> wanted_;  // lives while an answer is wanted
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_ENDPOINT_LOOK_UP_H_
