#include "server/model/linear_layers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/model/graph_nodes.h"

namespace predictd::model {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

constexpr int64_t kMostElements = 256 * 1024;

Value* Replace(Graph& graph, Node& node, const char* kind, at::ArrayRef<Value*> inputs) {
  Node* replacement = graph.create(c10::Symbol::fromQualString(kind), inputs);
  replacement->insertBefore(&node);
  node.output()->replaceAllUsesWith(replacement->output());
  node.destroy();
  return replacement->output();
}

// What the layer gives now; null where it stays as it is.
Value* Transpose(Graph& graph, Node& linear) {
  const std::optional<at::Tensor> weight = ConstantFloats(linear.input(1), 2);
  if (!weight || weight->numel() > kMostElements) return nullptr;
  Value* const bias = linear.input(2);
  const bool biased = ConstantFloats(bias, 1).has_value();
  if (!biased && !IsNone(bias)) return nullptr;
  const torch::jit::WithInsertPoint before(&linear);
  Value* const transposed = graph.insertConstant(weight->t().contiguous());
  if (!biased) return Replace(graph, linear, "aten::mm", {linear.input(0), transposed});
  Value* const one = graph.insertConstant(1);
  return Replace(graph, linear, "aten::addmm", {bias, linear.input(0), transposed, one, one});
}

// The layer's output is a tensor of its own: what alone uses it may overwrite it.
void ActivateInPlace(Graph& graph, const Value& layer_output) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kActivations = {
      {{"aten::relu", "aten::relu_"},
       {"aten::sigmoid", "aten::sigmoid_"},
       {"aten::tanh", "aten::tanh_"}}};
  if (layer_output.uses().size() != 1) return;
  Node& user = *layer_output.uses().front().user;
  for (const auto& [kind, in_place] : kActivations) {
    if (!Is(user, kind)) continue;
    Replace(graph, user, in_place, user.inputs());
    return;
  }
}

}  // namespace

bool IsStraight(const Graph& graph) {
  return std::all_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node* node) { return node->blocks().empty(); });
}

int TransposeLinearLayers(Graph& graph) {
  if (!IsStraight(graph)) return 0;
  std::vector<Node*> layers;
  for (Node* node : graph.nodes()) {
    if (Is(*node, "aten::linear")) layers.push_back(node);
  }
  int rewritten = 0;
  for (Node* layer : layers) {
    const Value* const output = Transpose(graph, *layer);
    if (output == nullptr) continue;
    ActivateInPlace(graph, *output);
    ++rewritten;
  }
  return rewritten;
}

}  // namespace predictd::model
