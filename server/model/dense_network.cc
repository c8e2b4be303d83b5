#include "server/model/dense_network.h"

#include <algorithm>
#include <utility>

namespace predictd::model {
namespace {

// As many go through all layers together: each reads all weights once. With 16 it took 1.2 as long.
constexpr int kTileRows = 64;

}  // namespace

DenseLayer& DenseNetwork::Add(DenseOperation operation, int outputs,
                              absl::Span<const float> constants) {
  DenseLayer layer{operation, this->outputs(), outputs, {}, {}};
  layer.constants.resize(LanesOf(outputs));
  std::copy(constants.begin(), constants.end(), layer.constants.data()->values);
  widest_ = std::max(widest_, outputs);
  layers_.push_back(std::move(layer));
  return layers_.back();
}

void DenseNetwork::AddLinear(absl::Span<const float> weight, absl::Span<const float> bias) {
  const int columns = outputs();
  const int outputs = static_cast<int>(weight.size()) / columns;
  DenseLayer& layer = Add(DenseOperation::kLinear, outputs, bias);
  layer.weights.resize(static_cast<size_t>(LanesOf(outputs)) * columns);
  for (int output = 0; output < outputs; ++output) {
    Lanes* const block = &layer.weights[static_cast<size_t>(output / kLanes) * columns];
    for (int input = 0; input < columns; ++input) {
      block[input].values[output % kLanes] = weight[static_cast<size_t>(output) * columns + input];
    }
  }
}

void DenseNetwork::AddWithConstants(DenseOperation operation, absl::Span<const float> constants) {
  Add(operation, outputs(), constants);
}

void DenseNetwork::AddActivation(DenseOperation operation) { Add(operation, outputs(), {}); }

void DenseNetwork::Run(int rows, const float* x, float* y) const {
  thread_local std::vector<Lanes> activations;
  const size_t half = static_cast<size_t>(kTileRows) * LanesOf(widest_);
  if (activations.size() < 2 * half) activations.resize(2 * half);

  for (int first = 0; first < rows; first += kTileRows) {
    const int tile = std::min(kTileRows, rows - first);
    const int whole = (tile + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
    Lanes* current = activations.data();
    Lanes* next = current + half;
    for (int row = 0; row < tile; ++row, x += inputs_) {
      std::copy_n(x, inputs_, current[row * LanesOf(inputs_)].values);
    }
    for (const DenseLayer& layer : layers_) {
      kernel_(layer, whole, current, next);
      if (layer.operation == DenseOperation::kLinear) std::swap(current, next);
    }
    for (int row = 0; row < tile; ++row, y += outputs()) {
      std::copy_n(current[row * LanesOf(outputs())].values, outputs(), y);
    }
  }
}

}  // namespace predictd::model
