// A model that libtorch runs, whatever kind of file it came from. Includes libtorch: only for the
// sources of this folder.
#ifndef PREDICTD_SERVER_MODEL_TORCH_MODEL_H_
#define PREDICTD_SERVER_MODEL_TORCH_MODEL_H_

#include <ATen/ATen.h>

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "server/model/model.h"

namespace predictd::model {

// The first lines of a libtorch message say what is wrong; the rest is a stack.
std::string ShortMessage(const std::exception& error);

// A batch to load a model with: its golden cases, else its defaults, else zeros; 1 where a
// dimension is free.
std::vector<at::Tensor> SampleInputs(const v1::Signature& signature, int rows);

// The same with noise in what is floating-point, so that weights count; alike every time.
std::vector<at::Tensor> RandomInputs(const v1::Signature& signature, int rows);

class TorchModel : public Model {
 public:
  // Runs the network: one tensor per input, one per output. May throw; any thread.
  using Function = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;

  TorchModel(v1::Signature signature, Function function);

  // Runs a sample once to see what the outputs are like, where all inputs are fixed.
  // FAILED_PRECONDITION says where the signature is not true. May throw.
  absl::Status LearnOutputs();

  const v1::Signature& signature() const override { return signature_; }
  const std::vector<TensorLayout>& inputs() const override { return inputs_; }
  const std::vector<TensorLayout>& outputs() const override { return outputs_; }
  absl::Status Run(int rows, const char* const* inputs, char* const* outputs) const override;
  absl::StatusOr<std::vector<TensorValue>> RunShapes(
      absl::Span<const TensorView> inputs) const override;

 private:
  std::vector<at::Tensor> RunFunction(const std::vector<at::Tensor>& inputs) const;
  // FAILED_PRECONDITION says how the tensors differ from what the signature declares.
  absl::Status CheckOutputs(int64_t rows, const std::vector<at::Tensor>& tensors) const;

  const v1::Signature signature_;
  const Function function_;
  std::vector<TensorLayout> inputs_;
  std::vector<TensorLayout> outputs_;
  bool learnt_ = false;  // outputs_ are what a run gave
};

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_TORCH_MODEL_H_
