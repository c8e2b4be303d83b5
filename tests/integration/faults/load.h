// Callers that go on while a test breaks things.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_LOAD_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "predictd/v1/predictor.grpc.pb.h"
#include "server/base/mutex.h"

namespace predictd::integration {

// A stub with a connection of its own, which is up.
std::unique_ptr<v1::Predictor::Stub> NewStub(const std::string& address);

// Calls Predict, one call at a time per thread, from construction to Stop.
class Load {
 public:
  struct Options {
    int threads = 4;
    // Fills in the request of this number: 0, 1, 2, ... over all threads.
    std::function<void(int64_t number, v1::PredictRequest& request)> request;
    // Says what is wrong with an answer; empty = nothing.
    std::function<std::string(const v1::PredictRequest& request,
                              const v1::PredictResponse& response)>
        check = nullptr;
    absl::Duration deadline = absl::Seconds(20);
    // Pause of a thread between two calls.
    absl::Duration pause = absl::ZeroDuration();
  };
  struct Result {
    std::map<grpc::StatusCode, int64_t> codes;
    int64_t wrong = 0;                        // answers that `check` minded
    std::string problem;                      // the first failure or wrong answer, in words
    absl::Duration longest;                   // call, answered or failed
    absl::Duration median;                    // of the same
    std::vector<std::string> prediction_ids;  // of the answered, where they have one
    int64_t ok() const { return Count(grpc::StatusCode::OK); }
    int64_t failed() const;
    int64_t Count(grpc::StatusCode code) const;
  };

  Load(const std::string& address, Options options);
  ~Load() { Stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Calls that have come to an end so far. Any thread.
  int64_t done() const { return done_; }
  // Waits until `calls` more have ended; false where that takes longer than a minute.
  bool WaitFor(int64_t calls) const;

  // No more calls are begun; returns when the last one has ended.
  Result Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run(const std::string& address);
  void Note(const grpc::Status& status, const v1::PredictRequest& request,
            const v1::PredictResponse& response, absl::Duration took) ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  std::atomic<int64_t> next_{0};
  std::atomic<int64_t> done_{0};
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  Result result_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Duration> took_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;  // last, since they use all the others
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_LOAD_H_
