#include "server/model/dense_graph.h"

#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/model/graph_nodes.h"

namespace predictd::model {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

constexpr int64_t kMostWeights = 512 * 1024;
// Each thread keeps activations of this width for good.
constexpr int64_t kMostColumns = 8192;

// Scripted batch normalisation asks how many dimensions there are, which freezing cannot know: what
// the layers below keep at two is answered, so that the branches behind it go. A constant of more
// dimensions would add some: ChainReader refuses such.
std::shared_ptr<Graph> WithoutQuestions(Graph& frozen) {
  constexpr std::array<const char*, 13> kKeepTwo = {
      "aten::linear", "aten::batch_norm", "aten::add",        "aten::sub",     "aten::mul",
      "aten::div",    "aten::relu",       "aten::leaky_relu", "aten::sigmoid", "aten::tanh",
      "aten::silu",   "aten::gelu",       "aten::softmax"};
  auto graph = frozen.copy();
  const torch::jit::WithInsertPoint first(graph->nodes().front());
  Value* const two = graph->insertConstant(2);
  std::set<const Value*> rows = {graph->inputs().back()};
  for (Node* node : graph->nodes()) {
    if (node->inputs().empty() || rows.count(node->input(0)) == 0) continue;
    if (Is(*node, "aten::dim")) node->output()->replaceAllUsesWith(two);
    const auto is = [node](const char* kind) { return IsEither(*node, kind); };
    if (std::any_of(kKeepTwo.begin(), kKeepTwo.end(), is)) rows.insert(node->output());
  }
  torch::jit::ConstantPropagation(graph);
  torch::jit::EliminateDeadCode(graph);
  return graph;
}

// Follows the chain from the rows to the result.
class ChainReader {
 public:
  explicit ChainReader(int inputs) : network_(inputs) {}

  absl::StatusOr<DenseNetwork> Read(const Graph& graph) && {
    if (graph.inputs().size() != 2 || graph.outputs().size() != 1) {
      return absl::UnimplementedError("more than one input or output");
    }
    current_ = graph.inputs()[1];
    for (const Node* node : graph.nodes()) {
      if (Is(*node, "prim::Constant")) continue;
      // What another one uses too is no chain.
      const bool next = !squeezed_ && !node->inputs().empty() && node->input(0) == current_ &&
                        current_->uses().size() == 1 && node->outputs().size() == 1;
      if (!next || !Take(*node)) return absl::UnimplementedError(node->kind().toQualString());
      if (weights_ > kMostWeights) {
        return absl::UnimplementedError(absl::StrCat("more than ", kMostWeights, " weights"));
      }
      current_ = node->output();
    }
    if (graph.outputs()[0] != current_) return absl::UnimplementedError("no chain");
    return std::move(network_);
  }

 private:
  using Floats = std::optional<at::Tensor>;

  bool Take(const Node& node) {
    if (Is(node, "aten::linear")) return TakeLinear(node);
    if (Is(node, "aten::batch_norm")) return TakeBatchNorm(node);
    if (Is(node, "aten::squeeze")) return TakeSqueeze(node);
    if (IsEither(node, "aten::leaky_relu")) return TakeLeakyRelu(node);
    return TakeArithmetic(node) || TakeActivation(node);
  }

  bool TakeLinear(const Node& node) {
    const Floats weight = Constant(node.input(1), 2);
    if (!weight || weight->size(1) != network_.outputs()) return false;
    Floats bias = Constant(node.input(2), 1);
    if (!bias) {
      if (!IsNone(node.input(2))) return false;
      bias = at::zeros({weight->size(0)});
    }
    if (bias->size(0) != weight->size(0)) return false;
    if (bias->numel() == 0 || bias->numel() > kMostColumns) return false;
    weights_ += weight->numel();
    // Else refused in a moment, without a copy.
    if (weights_ <= kMostWeights) network_.AddLinear(Span(*weight), Span(*bias));
    return true;
  }

  // input, weight, bias, mean, variance, training, momentum, eps, cudnn_enabled.
  bool TakeBatchNorm(const Node& node) {
    const Floats weight = Constant(node.input(1), 1);
    const Floats bias = Constant(node.input(2), 1);
    const Floats mean = Constant(node.input(3), 1);
    const Floats variance = Constant(node.input(4), 1);
    const auto training = torch::jit::constant_as<bool>(node.input(5));
    const auto epsilon = torch::jit::constant_as<double>(node.input(7));
    if (!weight || !bias || !mean || !variance || training.value_or(true) || !epsilon) return false;
    const at::Tensor scale = *weight * at::rsqrt(*variance + *epsilon);
    return AddWithConstants(DenseOperation::kSubtract, *mean) &&
           AddWithConstants(DenseOperation::kMultiply, scale) &&
           AddWithConstants(DenseOperation::kAdd, *bias);
  }

  // [rows, 1] as [rows]: the same values.
  bool TakeSqueeze(const Node& node) {
    if (node.inputs().size() != 2 || network_.outputs() != 1) return false;
    const int64_t dimension = torch::jit::constant_as<int64_t>(node.input(1)).value_or(0);
    squeezed_ = dimension == 1 || dimension == -1;
    return squeezed_;
  }

  bool TakeLeakyRelu(const Node& node) {
    const auto slope = torch::jit::toIValue(node.input(1));
    return slope && slope->isScalar() &&
           AddWithConstants(DenseOperation::kLeakyRelu, at::scalar_tensor(slope->toScalar()));
  }

  bool TakeArithmetic(const Node& node) {
    struct Known {
      const char* kind;
      size_t inputs;
      DenseOperation operation;
    };
    // A third input of add and sub is a factor of the second; one of div would be a rounding.
    constexpr std::array<Known, 4> kKnown = {{{"aten::add", 3, DenseOperation::kAdd},
                                              {"aten::sub", 3, DenseOperation::kSubtract},
                                              {"aten::mul", 2, DenseOperation::kMultiply},
                                              {"aten::div", 2, DenseOperation::kDivide}}};
    for (const Known& known : kKnown) {
      if (!IsEither(node, known.kind) || node.inputs().size() != known.inputs) continue;
      if (known.inputs == 3 && torch::jit::constant_as<int64_t>(node.input(2)).value_or(0) != 1) {
        return false;
      }
      const auto constant = torch::jit::toIValue(node.input(1));
      if (!constant) return false;
      if (constant->isScalar()) {
        return AddWithConstants(known.operation, at::scalar_tensor(constant->toScalar()));
      }
      return constant->isTensor() && AddWithConstants(known.operation, constant->toTensor());
    }
    return false;
  }

  bool TakeActivation(const Node& node) {
    struct Known {
      const char* kind;
      DenseOperation operation;
    };
    constexpr std::array<Known, 6> kKnown = {{{"aten::relu", DenseOperation::kRelu},
                                              {"aten::sigmoid", DenseOperation::kSigmoid},
                                              {"aten::tanh", DenseOperation::kTanh},
                                              {"aten::silu", DenseOperation::kSilu},
                                              {"aten::gelu", DenseOperation::kGelu},
                                              {"aten::softmax", DenseOperation::kSoftmax}}};
    for (const Known& known : kKnown) {
      if (!IsEither(node, known.kind)) continue;
      if (!Usual(node)) return false;
      network_.AddActivation(known.operation);
      return true;
    }
    return false;
  }

  // gelu without an approximation, softmax over a row without another datatype.
  static bool Usual(const Node& node) {
    if (node.inputs().size() == 1) return true;
    const auto option = torch::jit::toIValue(node.input(1));
    if (!option) return false;
    if (option->isString()) return option->toStringRef() == "none";
    const bool row = option->isInt() && (option->toInt() == 1 || option->toInt() == -1);
    return row && IsNone(node.input(2));
  }

  // One value for all columns, or one for each.
  bool AddWithConstants(DenseOperation operation, const at::Tensor& constant) {
    const int64_t columns = network_.outputs();
    const bool row = constant.dim() == 1 || (constant.dim() == 2 && constant.size(0) == 1);
    const bool fits =
        constant.dim() == 0 || (row && constant.scalar_type() == at::kFloat &&
                                (constant.size(-1) == columns || constant.size(-1) == 1));
    if (!fits) return false;
    const at::Tensor values = constant.to(at::kFloat).reshape({-1}).expand({columns}).contiguous();
    network_.AddWithConstants(operation, Span(values));
    return true;
  }

  // Their values one behind the other.
  static Floats Constant(const Value* value, int64_t dimensions) {
    const Floats tensor = ConstantFloats(value, dimensions);
    return tensor ? Floats(tensor->contiguous()) : std::nullopt;
  }

  static absl::Span<const float> Span(const at::Tensor& values) {
    return {values.data_ptr<float>(), static_cast<size_t>(values.numel())};
  }

  DenseNetwork network_;
  const Value* current_ = nullptr;
  bool squeezed_ = false;
  int64_t weights_ = 0;
};

}  // namespace

absl::StatusOr<DenseNetwork> ReadDenseNetwork(Graph& frozen, int inputs) {
  if (inputs < 1 || inputs > kMostColumns) {
    return absl::UnimplementedError(absl::StrCat("more than ", kMostColumns, " columns, or none"));
  }
  return ChainReader(inputs).Read(*WithoutQuestions(frozen));
}

}  // namespace predictd::model
