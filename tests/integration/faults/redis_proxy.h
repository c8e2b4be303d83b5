// A TCP proxy in front of a Redis that treats the answers as badly as the test says.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_REDIS_PROXY_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_REDIS_PROXY_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace predictd::integration {

// Commands go through untouched; answers come back late, in small slices, or are cut off in the
// middle. Runs on a thread of its own until it is destroyed; its functions may be called by any.
class RedisProxy {
 public:
  struct Treatment {
    absl::Duration delay = absl::ZeroDuration();  // of every answer
    size_t slice = 1 << 16;                       // most bytes of an answer in one packet
    int64_t cut_after = -1;  // answer bytes after which a connection is closed; -1 = never
  };

  // `upstream`: path of the Redis server's Unix socket.
  explicit RedisProxy(std::string upstream);
  ~RedisProxy();
  RedisProxy(const RedisProxy&) = delete;
  RedisProxy& operator=(const RedisProxy&) = delete;

  // What --feature_cache takes.
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  // Holds from the next byte on; connections that are open count what they have passed on anew.
  void Set(Treatment treatment) ABSL_LOCKS_EXCLUDED(mutex_);

  // Packets passed on as answers, and connections that were cut.
  int64_t slices() const { return slices_; }
  int64_t cuts() const { return cuts_; }

 private:
  struct Answer {
    absl::Time due;
    std::string bytes;
  };
  struct Pair {
    int client;
    int server;
    std::deque<Answer> answers;
    int64_t passed = 0;
    int generation = 0;
  };

  void Run();
  void Accept();
  // False once the pair is done with.
  bool Commands(Pair& pair);
  bool TakeAnswers(Pair& pair, const Treatment& treatment);
  bool PassOn(Pair& pair, const Treatment& treatment);

  const std::string upstream_;
  int listening_ = -1;
  int port_ = 0;
  std::list<Pair> pairs_;  // of the thread
  std::atomic<int64_t> slices_{0};
  std::atomic<int64_t> cuts_{0};
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  Treatment treatment_ ABSL_GUARDED_BY(mutex_);
  int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;  // last, since it uses all the others
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_REDIS_PROXY_H_
