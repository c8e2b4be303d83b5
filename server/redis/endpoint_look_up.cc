#include "server/redis/endpoint_look_up.h"

#include <optional>
#include <utility>
#include <vector>

#include "server/redis/endpoint.h"

namespace predictd::redis {

void EndpointLookUp::Begin(Resolver::Done done) {
  const auto fixed = address_.unix_path.empty() ? NumericEndpoint(address_.host, address_.port)
                                                : UnixEndpoint(address_.unix_path);
  if (fixed) {
    done(std::vector<Endpoint>{*fixed});
    return;
  }
  wanted_ = std::make_shared<bool>();
  resolver_.Resolve(address_.host, address_.port, loop_,
                    [this, wanted = std::weak_ptr<bool>(wanted_),
                     done = std::move(done)](Resolver::Answer answer) {
                      if (wanted.expired()) return;
                      wanted_.reset();
                      done(std::move(answer));
                    });
}

}  // namespace predictd::redis
