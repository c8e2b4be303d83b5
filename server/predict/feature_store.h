// Users' rows as callers put and get them.
#ifndef PREDICTD_SERVER_PREDICT_FEATURE_STORE_H_
#define PREDICTD_SERVER_PREDICT_FEATURE_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/feature_record.h"
#include "server/base/feature_row.h"
#include "server/base/metrics.h"
#include "server/features/feature_writer.h"
#include "server/features/reader.h"
#include "server/predict/request.h"

namespace predictd::predict {

// A row as it was found.
struct StoredRow {
  FeatureRow row;
  // Infinite where it is unknown.
  absl::Duration age = absl::InfiniteDuration();
};

// One per loop; loop's thread only. Outlives its tasks. All that it is given outlives it.
class FeatureStore {
 public:
  // `reader` is null without any store, `writer` without a source.
  FeatureStore(Loop& loop, features::Reader* reader, features::FeatureWriter* writer,
               Metrics& metrics)
      : loop_(loop), reader_(reader), writer_(writer), metrics_(metrics) {}

  // Per row OK or INVALID_ARGUMENT with what is wrong with it; errors as of FeatureWriter::Write,
  // FAILED_PRECONDITION without a source. `call` outlives the task.
  Task<absl::StatusOr<std::vector<absl::Status>>> Put(std::vector<std::string> names,
                                                      std::vector<FeatureRecord> rows,
                                                      const CallContext& call);

  // The row, at most `max_age` old. INVALID_ARGUMENT names the field; FAILED_PRECONDITION without
  // any store; else as Reader::Read. `user_id` and `call` outlive the task.
  Task<absl::StatusOr<StoredRow>> Get(absl::string_view user_id, absl::Duration max_age,
                                      const CallContext& call);

 private:
  Loop& loop_;
  features::Reader* const reader_;
  features::FeatureWriter* const writer_;
  Metrics& metrics_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_FEATURE_STORE_H_
