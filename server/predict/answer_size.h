// How large the answer to one request may be.
#ifndef PREDICTD_SERVER_PREDICT_ANSWER_SIZE_H_
#define PREDICTD_SERVER_PREDICT_ANSWER_SIZE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace predictd::predict {

// INVALID_ARGUMENT, naming the request's `field`, where the answer to its `rows` rows takes `bytes`
// and that is more than `most`.
absl::Status CheckAnswerSize(absl::string_view field, size_t rows, size_t bytes, size_t most);

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_ANSWER_SIZE_H_
