// What is asked of the line and what it answers: plain values, whatever the call came by.
#ifndef PREDICTD_SERVER_PREDICT_REQUEST_H_
#define PREDICTD_SERVER_PREDICT_REQUEST_H_

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/metrics.h"
#include "server/base/prediction.h"
#include "server/repository/version.h"

namespace predictd::predict {

// Views outlive the prediction: they look into the caller's message.
struct Request {
  absl::string_view user_id;
  absl::string_view model;    // empty = the default
  absl::string_view version;  // empty = the greatest READY
  // Override or complete the stored row.
  std::vector<std::pair<absl::string_view, float>> features;
  // Oldest acceptable row; 0 = read the source.
  absl::Duration max_feature_age = absl::InfiniteDuration();
  absl::string_view idempotency_key;
};

// What a call knows of its caller. Lives as long as the call.
struct CallContext {
  // Of the loop's clock.
  absl::Time deadline = absl::InfiniteFuture();
  // Set by the call's loop when the caller has gone.
  std::atomic<bool> cancelled{false};

  // CANCELLED or DEADLINE_EXCEEDED where going on is of no use; the message names what was not
  // done: "the model ran".
  absl::Status Check(absl::Time now, absl::string_view not_done) const;
};

// Metric and debug line of rows that are given up in `stage`, with DEADLINE_EXCEEDED or CANCELLED;
// other statuses are no giving up.
void NoteGivenUp(Metrics& metrics, const absl::Status& status, Stage stage, int rows = 1);

// Times of one request's stages, for the line that debug logs write.
struct StageTimes {
  absl::Duration features;
  absl::Duration queue;
  absl::Duration model;
  absl::Duration save;
};

struct Answer {
  repository::VersionHandle version;
  FeatureValues features;  // what the model was given, in the version's order
  OutputValues outputs;
  FeatureOrigin origin = FeatureOrigin::kUnspecified;
  // Infinite where there is no row or its age is unknown.
  absl::Duration feature_age = absl::InfiniteDuration();
  // Positions of the features that were filled by their default.
  std::vector<int> missing;
  std::string prediction_id;  // empty where nothing is saved
  StageTimes times;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_REQUEST_H_
