// A loaded model: rows of features in, rows of outputs out.
#ifndef PREDICTD_SERVER_MODEL_MODEL_H_
#define PREDICTD_SERVER_MODEL_MODEL_H_

#include "absl/status/status.h"
#include "predictd/v1/signature.pb.h"

namespace predictd::model {

// Constant after loading; any thread, several at once.
class Model {
 public:
  virtual ~Model() = default;

  virtual const v1::Signature& signature() const = 0;

  // Elements of all output tensors of one row together.
  virtual int outputs_per_row() const = 0;

  // `features`: rows x signature().features_size() floats, row-major. They are converted to the
  // input's datatype. `outputs`: rows x outputs_per_row() floats: per row, all output tensors in
  // signature order. INTERNAL with the model's message where it throws or gives other shapes.
  virtual absl::Status Run(int rows, const float* features, float* outputs) const = 0;
};

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_MODEL_H_
