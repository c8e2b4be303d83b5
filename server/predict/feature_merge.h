// Puts together what a model is given: the request's features over the stored row over the
// defaults.
#ifndef PREDICTD_SERVER_PREDICT_FEATURE_MERGE_H_
#define PREDICTD_SERVER_PREDICT_FEATURE_MERGE_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/base/feature_row.h"
#include "server/predict/request.h"
#include "server/repository/version.h"

namespace predictd::predict {

// Where each feature of a version stands in rows of a schema; -1 = not there. Remembered per
// version and schema. Loop's thread only.
class ColumnLookup {
 public:
  // Valid until the next call.
  const std::vector<int>& Columns(const repository::Version& version, const Schema& schema);

 private:
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, std::vector<int>> columns_;
};

// INVALID_ARGUMENT where it is negative.
absl::Status CheckMaxFeatureAge(absl::Duration age);

// Checks user_id, idempotency_key, max_feature_age and the values of a request. INVALID_ARGUMENT
// names the field.
absl::Status CheckRequest(const Request& request);

// `answer.features` starts as the request's own features, NaN elsewhere. INVALID_ARGUMENT for a
// feature the model does not have, FAILED_PRECONDITION for a model without features.
absl::Status StartFromRequest(const Request& request, Answer& answer);

// True where a value is there for every feature.
bool Complete(const FeatureValues& features);

// There is no store and the request is not complete: FAILED_PRECONDITION with what is missing.
absl::Status MissingWithoutStore(const Answer& answer);

// Fills what is still NaN from the row.
void FillFromRow(const FeatureRow& row, const std::vector<int>& columns, FeatureValues& features);

// Fills what is still NaN by the defaults and notes it in `answer.missing`. FAILED_PRECONDITION
// names the features that have none, or all of them where the model refuses missing features;
// `hint` says what would help.
absl::Status FillDefaults(Answer& answer, absl::string_view hint);

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_FEATURE_MERGE_H_
