// A loaded model: rows of tensors in, rows of tensors out.
#ifndef PREDICTD_SERVER_MODEL_MODEL_H_
#define PREDICTD_SERVER_MODEL_MODEL_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "predictd/v1/signature.pb.h"
#include "server/base/tensor.h"

namespace predictd::model {

// Constant after loading; any thread, several at once. Both runs are INTERNAL with the model's
// message where it throws or gives other shapes than its signature says.
class Model {
 public:
  virtual ~Model() = default;

  virtual const v1::Signature& signature() const = 0;
  // In signature order. Where all inputs are fixed, so are the outputs, with the sizes that the
  // model was seen to give.
  virtual const std::vector<TensorLayout>& inputs() const = 0;
  virtual const std::vector<TensorLayout>& outputs() const = 0;

  // Where all inputs are fixed. One pointer per input and output, in signature order, each to
  // rows x bytes_per_row bytes.
  virtual absl::Status Run(int rows, const char* const* inputs, char* const* outputs) const = 0;

  // Any shapes that the signature allows. One tensor per input; returns one per output.
  virtual absl::StatusOr<std::vector<TensorValue>> RunShapes(
      absl::Span<const TensorView> inputs) const = 0;
};

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_MODEL_H_
