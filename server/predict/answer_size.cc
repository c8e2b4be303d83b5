#include "server/predict/answer_size.h"

#include "absl/strings/str_cat.h"

namespace predictd::predict {

absl::Status CheckAnswerSize(absl::string_view field, size_t rows, size_t bytes, size_t most) {
  if (bytes <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": the answer to ", rows, " rows takes ",
                                                 bytes, " bytes, the limit is ", most,
                                                 "; send fewer rows at once"));
}

}  // namespace predictd::predict
