// Answers to PredictBatch calls as CSV.
#ifndef PREDICTD_CLIENT_BATCH_CSV_H_
#define PREDICTD_CLIENT_BATCH_CSV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/ordered_calls.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// Columns: user_id, one per output, prediction_id where the server saves, error (empty where the
// row is good; its code and message, with empty outputs, where it is not). One thread.
class BatchCsv {
 public:
  // The columns follow the first answer; `models` names its outputs.
  BatchCsv(const v1::ListModelsResponse& models, const v1::PredictBatchResponse& first);

  std::string Header() const;

  // The lines of one call, also of one that failed as a whole. Every user gets exactly one line.
  std::string Rows(const BatchCall& call);

  int64_t failed_rows() const { return failed_rows_; }
  // The first failed row's error; empty without one.
  const std::string& first_error() const { return first_error_; }
  // "churn/3", or more where a new version was published on the way.
  const std::vector<std::string>& versions() const { return versions_; }

 private:
  void AppendGoodRow(absl::string_view user, const float* outputs, absl::string_view prediction_id,
                     std::string& csv) const;
  void AppendFailedRow(absl::string_view user, absl::string_view error, std::string& csv);
  void NoteVersion(const v1::PredictBatchResponse& reply);

  std::vector<std::string> names_;
  const bool saved_;
  int64_t failed_rows_ = 0;
  std::string first_error_;
  std::vector<std::string> versions_;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_BATCH_CSV_H_
