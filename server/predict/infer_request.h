// Tensors as a caller brings and gets them.
#ifndef PREDICTD_SERVER_PREDICT_INFER_REQUEST_H_
#define PREDICTD_SERVER_PREDICT_INFER_REQUEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/datatype.h"

namespace predictd::predict {

// Looks into the caller's message, which outlives the inference.
struct InputTensor {
  absl::string_view name;
  Datatype datatype = Datatype::kFp32;
  std::vector<int64_t> shape;  // the first dimension is the batch
  absl::string_view bytes;     // row-major, little-endian
};

struct InferRequest {
  absl::string_view model;                 // empty = the default
  absl::string_view version;               // empty = the one that serves
  std::vector<InputTensor> inputs;         // in any order
  std::vector<absl::string_view> outputs;  // names, in the order wanted; empty = all
  // The model is not run later than this after Infer was called; nor after the call's deadline.
  absl::Duration timeout = absl::InfiniteDuration();
};

struct OutputTensor {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<int64_t> shape;
  std::string bytes;  // row-major, little-endian
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_INFER_REQUEST_H_
