// A model with one worker that a test can keep busy for as long as it says.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_SLOW_MODEL_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_SLOW_MODEL_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {

// Model `m` takes as many milliseconds as f0 of its rows together say, on a worker, with one row
// a run: requests bring all their features.
struct SlowModel {
  SlowModel() { models.Add("m", 1, BusyByFeature(kFeatures).Defaults(0)); }

  std::vector<std::string> Flags(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> flags = {
        "--models=" + models.path(), "--inline_budget=0",   "--workers=1",
        "--event_loops=2",           "--min_event_loops=2", "--max_batch=1"};
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }

  // A request that keeps the worker busy for that long.
  static v1::PredictRequest Request(absl::Duration busy) {
    v1::PredictRequest request;
    request.set_user_id("u1");
    auto& features = *request.mutable_features();
    features["f0"] = static_cast<float>(absl::ToDoubleMilliseconds(busy));
    features["f1"] = 0;
    features["f2"] = 0;
    return request;
  }

  ModelRepository models;
};

// Keeps the worker busy from construction to destruction, which waits for the end.
class BusyWorker {
 public:
  BusyWorker(PredictdProcess& predictd, absl::Duration busy) {
    thread_ = std::thread(
        [this, &predictd, busy] { answer_ = predictd.Predict(SlowModel::Request(busy)); });
    // Taken off the queue: what comes now has to wait.
    WaitUntil([&] {
      return predictd.Metric("predictd_in_flight_requests") >= 1 &&
             predictd.Metric(R"(predictd_queue_rows{model="m"})") == 0;
    });
  }
  ~BusyWorker() { Wait(); }
  BusyWorker(const BusyWorker&) = delete;
  BusyWorker& operator=(const BusyWorker&) = delete;

  const Answer<v1::PredictResponse>& Wait() {
    if (thread_.joinable()) thread_.join();
    return answer_;
  }

 private:
  Answer<v1::PredictResponse> answer_;
  std::thread thread_;
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_SLOW_MODEL_H_
