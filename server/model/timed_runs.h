// How long a form of a model takes to run, to choose between forms.
#ifndef PREDICTD_SERVER_MODEL_TIMED_RUNS_H_
#define PREDICTD_SERVER_MODEL_TIMED_RUNS_H_

#include <algorithm>
#include <chrono>
#include <limits>

namespace predictd::model {

// Rows to run: where most batches under load lie.
inline constexpr int kTimedRows = 8;

// Seconds of the best of a few runs; the first one, which builds kernels, does not count.
template <typename Run>
double BestSeconds(Run run) {
  constexpr int kRuns = 5;
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i <= kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (i > 0) best = std::min(best, took.count());
  }
  return best;
}

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TIMED_RUNS_H_
