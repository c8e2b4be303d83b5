// What a batch of many users came to.
#ifndef PREDICTD_SERVER_PREDICT_BATCH_ANSWER_H_
#define PREDICTD_SERVER_PREDICT_BATCH_ANSWER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/repository/version.h"

namespace predictd::predict {

// Of all rows, by position in the request; only what is answered, for there may be many.
struct BatchAnswer {
  struct RowError {
    size_t row;
    absl::Status status;
  };

  repository::VersionHandle version;
  std::vector<float> outputs;  // row-major; NaN where the row failed
  std::vector<RowError> errors;
  size_t message_bytes = 0;  // of the errors, each of which may name a thousand features
  // Empty for a row that failed; none at all where nothing is saved.
  std::vector<std::string> prediction_ids;

  // About what it takes in memory.
  static constexpr size_t kBytesPerId = sizeof(std::string) + 40;
  size_t bytes() const {
    return outputs.size() * sizeof(float) + errors.size() * sizeof(RowError) + message_bytes +
           prediction_ids.size() * kBytesPerId;
  }
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_BATCH_ANSWER_H_
