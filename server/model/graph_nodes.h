// What is asked of a TorchScript graph's nodes. Includes libtorch: only for the sources of this
// folder.
#ifndef PREDICTD_SERVER_MODEL_GRAPH_NODES_H_
#define PREDICTD_SERVER_MODEL_GRAPH_NODES_H_

#include <torch/csrc/jit/ir/constants.h>
#include <torch/script.h>

#include <optional>
#include <string_view>

namespace predictd::model {

// `kind` with its namespace: "aten::linear".
inline bool Is(const torch::jit::Node& node, std::string_view kind) {
  return node.kind().toQualString() == kind;
}

// `kind`, or what does the same in place: "aten::relu" or "aten::relu_".
inline bool IsEither(const torch::jit::Node& node, std::string_view kind) {
  const std::string_view name = node.kind().toQualString();
  return name == kind || (name.size() == kind.size() + 1 && name.substr(0, kind.size()) == kind &&
                          name.back() == '_');
}

// A constant FP32 tensor of `dimensions`; nullopt where it is anything else.
inline std::optional<at::Tensor> ConstantFloats(const torch::jit::Value* value,
                                                int64_t dimensions) {
  const auto constant = torch::jit::toIValue(value);
  if (!constant || !constant->isTensor()) return std::nullopt;
  const at::Tensor& tensor = constant->toTensor();
  const bool plain = tensor.defined() && tensor.layout() == at::kStrided &&
                     tensor.scalar_type() == at::kFloat && tensor.dim() == dimensions;
  return plain ? std::optional(tensor) : std::nullopt;
}

inline bool IsNone(const torch::jit::Value* value) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isNone();
}

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_GRAPH_NODES_H_
