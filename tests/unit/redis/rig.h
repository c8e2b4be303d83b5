// A client on a loop of its own, and coroutines that ask it.
#ifndef PREDICTD_TESTS_UNIT_REDIS_RIG_H_
#define PREDICTD_TESTS_UNIT_REDIS_RIG_H_

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/async/watcher.h"
#include "server/base/metrics.h"
#include "server/redis/client.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/sleeping_loop.h"

namespace predictd::redis {

// Far longer than a busy machine takes: where time-outs are not the point, none happens.
inline constexpr absl::Duration kPatient = absl::Seconds(10);

struct Answer {
  bool done = false;
  absl::StatusCode code = absl::StatusCode::kUnknown;
  ReplyType type = ReplyType::kNil;
  std::string text;  // or the error's message
};

inline Task<void> AskAndWait(Client& client, std::vector<std::string> words, Answer& answer) {
  const std::vector<absl::string_view> arguments(words.begin(), words.end());
  const absl::StatusOr<Reply> reply = co_await client.Command(arguments);
  answer.done = true;
  answer.code = reply.status().code();
  answer.text = std::string(reply.status().message());
  if (!reply.ok()) co_return;
  answer.type = reply->type();
  answer.text = std::string(reply->text());
}

class Rig {
 public:
  Rig(const Clock& clock, const Address& address, absl::Duration timeout)
      : loop(clock), client(loop, watcher, resolver, metrics, address, timeout) {}

  // The answer is filled in when it comes.
  const Answer& Ask(std::vector<std::string> words) {
    Answer& answer = answers_.emplace_back();
    scope_.Spawn(AskAndWait(client, std::move(words), answer));
    return answer;
  }
  // Runs the loop until the answer has come.
  const Answer& Get(std::vector<std::string> words) {
    const Answer& answer = Ask(std::move(words));
    loop.RunUntil([&answer] { return answer.done; });
    return answer;
  }
  bool RunUntilUp() {
    return loop.RunUntil([this] { return client.up(); });
  }
  bool RunUntilDown() {
    return loop.RunUntil([this] { return !client.up(); });
  }

  // predictd_feature_errors_total{store="redis"} of this kind.
  double Errors(absl::string_view kind) { return StoreErrors(metrics, "redis", std::string(kind)); }
  double Reconnects() { return metrics.redis_reconnects.Value(); }

  SleepingLoop loop;
  Metrics metrics;
  Resolver resolver;
  Watcher watcher;

 private:
  std::deque<Answer> answers_;
  Scope scope_;

 public:
  Client client;
};

}  // namespace predictd::redis

#endif  // PREDICTD_TESTS_UNIT_REDIS_RIG_H_
