// A cluster client on a loop of its own, and coroutines that ask it.
#ifndef PREDICTD_TESTS_STORES_REDIS_CLUSTER_CLUSTER_RIG_H_
#define PREDICTD_TESTS_STORES_REDIS_CLUSTER_CLUSTER_RIG_H_

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "server/async/scope.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/cluster_client.h"
#include "tests/fakes/sleeping_loop.h"
#include "tests/unit/redis/rig.h"

namespace predictd::redis {

// As the features do it.
inline Task<void> AskAndFollow(Commands& redis, std::vector<std::string> words, Answer& answer) {
  const std::vector<absl::string_view> arguments(words.begin(), words.end());
  CommandAwaiter command = redis.Command(arguments);
  absl::StatusOr<Reply> reply = co_await command;
  if (reply.ok() && redis.Redirects(*reply)) {
    Task<absl::StatusOr<Reply>> following = redis.Follow(*std::move(reply), arguments);
    reply = co_await std::move(following);
  }
  answer.done = true;
  answer.code = reply.status().code();
  if (!reply.ok()) co_return;
  answer.type = reply->type();
  answer.text = std::string(reply->text());
}

class ClusterRig {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(120);

  ClusterRig(const Clock& clock, const Address& address, absl::Duration timeout)
      : loop(clock), client(loop, watcher, resolver, metrics, address, timeout, states) {}

  // The answer is filled in when it comes.
  const Answer& Ask(std::vector<std::string> words) {
    Answer& answer = answers_.emplace_back();
    scope_.Spawn(AskAndFollow(client, std::move(words), answer));
    return answer;
  }
  // Runs the loop until the answer has come.
  const Answer& Get(std::vector<std::string> words) {
    const Answer& answer = Ask(std::move(words));
    loop.RunUntil([&answer] { return answer.done; }, kPatience);
    return answer;
  }
  bool RunUntilUp() {
    return loop.RunUntil([this] { return client.up(); }, kPatience);
  }

  double Errors(absl::string_view kind) { return StoreErrors(metrics, "redis", std::string(kind)); }

  SleepingLoop loop;
  Metrics metrics;
  Resolver resolver;
  Watcher watcher;
  ServerStates states;

 private:
  std::deque<Answer> answers_;
  Scope scope_;

 public:
  ClusterClient client;
};

}  // namespace predictd::redis

#endif  // PREDICTD_TESTS_STORES_REDIS_CLUSTER_CLUSTER_RIG_H_
