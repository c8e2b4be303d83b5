// What the model alone allows: threads that do nothing but run it on padded batches, as large as
// those that predictd makes of a PredictBatch. Prints rows per second.
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/frozen_module.h"

ABSL_FLAG(std::string, model, "", "model.pt, which takes one tensor of rows");
ABSL_FLAG(int, features, 17, "values per row");
ABSL_FLAG(int, rows, 1000, "rows of a request; only they count, not what pads its last batch");
ABSL_FLAG(int, batch, 64, "rows per run of the model");
ABSL_FLAG(int, threads, 1, "threads, each with its own rows");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(2), "how long");

namespace {

// Runs requests until `end`; returns how many.
int64_t RunUntil(const predictd::bench::FrozenModule& module, absl::Time end) {
  const int batch = absl::GetFlag(FLAGS_batch);
  const int features = absl::GetFlag(FLAGS_features);
  const int runs = (absl::GetFlag(FLAGS_rows) + batch - 1) / batch;
  std::vector<float> rows(static_cast<size_t>(batch) * features, 0.5F);
  std::vector<float> outputs(batch);
  int64_t requests = 0;
  while (absl::Now() < end) {
    for (int run = 0; run < runs; ++run) {
      const at::Tensor output = module.Run(at::from_blob(rows.data(), {batch, features}));
      std::memcpy(outputs.data(), output.data_ptr<float>(), outputs.size() * sizeof(float));
    }
    ++requests;
  }
  return requests;
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const predictd::bench::FrozenModule module(absl::GetFlag(FLAGS_model));
  constexpr absl::Duration kWarmUp = absl::Milliseconds(300);
  std::vector<int64_t> requests(absl::GetFlag(FLAGS_threads));
  std::vector<std::thread> threads;
  const absl::Time begin = absl::Now() + kWarmUp;
  for (int64_t& count : requests) {
    threads.emplace_back([&module, &count, begin] {
      RunUntil(module, begin);
      count = RunUntil(module, begin + absl::GetFlag(FLAGS_duration));
    });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t total = 0;
  for (const int64_t count : requests) total += count;
  const double rows = static_cast<double>(total) * absl::GetFlag(FLAGS_rows);
  std::printf("%.0f\n", rows / absl::ToDoubleSeconds(absl::GetFlag(FLAGS_duration)));
  return 0;
}
