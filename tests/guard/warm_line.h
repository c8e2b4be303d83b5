// The line of a prediction under steady load, without gRPC and libtorch: many requests, 64 at once.
#ifndef PREDICTD_TESTS_GUARD_WARM_LINE_H_
#define PREDICTD_TESTS_GUARD_WARM_LINE_H_

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/async/scope.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {

// One thread. The rig's clock stands still, so that every run does the same.
class WarmLine {
 public:
  static constexpr int kInFlight = 64;

  // `max_feature_age`: infinite = rows come from the in-process cache; 0 = each is read from the
  // source. Everything has been used once when this returns.
  explicit WarmLine(absl::Duration max_feature_age) {
    for (int i = 0; i < kInFlight; ++i) {
      // As long as a UUID: a copy of it allocates.
      user_ids_[i] = absl::StrCat("01a203fb-ab5b-74de-adb4-1e95b949c", 100 + i);
      rig_.source.SetRow(user_ids_[i], {1000, 20});
      requests_[i].user_id = user_ids_[i];
      requests_[i].max_feature_age = max_feature_age;
    }
    Run(10 * kInFlight);
  }

  // Runs this many predictions; the program ends where one fails.
  void Run(int count) {
    for (int left = count; left > 0; left -= kInFlight) {
      Scope scope;
      for (int i = 0; i < std::min(left, kInFlight); ++i) scope.Spawn(Predict(requests_[i]));
      while (scope.running() > 0) rig_.loop.RunTurn();
    }
  }

  // From the start on.
  int source_reads() const { return rig_.source.reads(); }

 private:
  Task<void> Predict(const Request& request) {
    Answer answer;
    const absl::Status status = co_await rig_.predictor.Predict(request, rig_.call, answer);
    if (status.ok()) co_return;
    std::cerr << "a prediction failed: " << status << "\n";
    std::abort();
  }

  Rig rig_;
  std::array<std::string, kInFlight> user_ids_;
  std::array<Request, kInFlight> requests_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_TESTS_GUARD_WARM_LINE_H_
