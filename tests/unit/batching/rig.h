// A lane with a batch function that the test supplies, a loop and a pool.
#ifndef PREDICTD_TESTS_UNIT_BATCHING_RIG_H_
#define PREDICTD_TESTS_UNIT_BATCHING_RIG_H_

#include <memory>
#include <utility>
#include <vector>

#include "server/base/metrics.h"
#include "server/batching/lane.h"
#include "server/batching/queue_limit.h"
#include "server/batching/row.h"
#include "server/batching/turn_batches.h"
#include "server/batching/worker_pool.h"
#include "tests/fakes/float_function.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::batching {

// One feature in, one output out.
struct TestRow final : Row {
  explicit TestRow(float value) : in(value) {
    inputs = absl::MakeConstSpan(&in_bytes, 1);
    outputs = absl::MakeSpan(&out_bytes, 1);
  }
  void Run() override { ++answered; }

  float in;
  float out = -1;
  const char* in_bytes = reinterpret_cast<const char*>(&in);
  char* out_bytes = reinterpret_cast<char*>(&out);
  int answered = 0;
};

inline std::unique_ptr<Lane> MakeLane(Metrics& metrics, FloatFunction function, int max_batch = 8,
                                      int max_queue = 1000,
                                      absl::Duration batch_delay = absl::ZeroDuration()) {
  ModelMetrics& numbers = metrics.ForModel("m");
  return std::make_unique<Lane>(
      LaneOptions{.model = "m",
                  .version = "1",
                  .inputs = {{.name = "x", .shape = {-1, 1}, .elements_per_row = 1}},
                  .outputs = {{.name = "y", .shape = {-1, 1}, .elements_per_row = 1}},
                  .max_batch = max_batch,
                  .batch_delay = batch_delay},
      OnFloats(std::move(function)), std::make_shared<QueueLimit>(max_queue, numbers.queue_rows),
      numbers);
}

// Every size is measured as so light that it runs inline.
inline void MakeLight(Lane& lane) {
  for (int rows = 1; rows <= lane.options().max_batch; rows *= 2) {
    lane.RecordRunTime(rows, absl::Nanoseconds(1));
  }
}

// Doubles each row.
inline absl::Status Double(int rows, const float* features, float* outputs) {
  for (int i = 0; i < rows; ++i) outputs[i] = 2 * features[i];
  return absl::OkStatus();
}

}  // namespace predictd::batching

#endif  // PREDICTD_TESTS_UNIT_BATCHING_RIG_H_
