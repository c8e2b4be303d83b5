// Tells whether a TorchScript graph is a dense network. Includes libtorch: only for the sources of
// this folder.
#ifndef PREDICTD_SERVER_MODEL_DENSE_GRAPH_H_
#define PREDICTD_SERVER_MODEL_DENSE_GRAPH_H_

#include <torch/script.h>

#include "absl/status/statusor.h"
#include "server/model/dense_network.h"

namespace predictd::model {

// The network, where `frozen` is nothing but a chain of these on its only tensor, FP32 of [rows,
// inputs]: linear layers with constant weights, plus, minus, times and divided by constants, batch
// normalisation, relu, leaky_relu, sigmoid, tanh, silu, gelu and softmax; a last column of one
// value may be squeezed away.
//
// UNIMPLEMENTED names what else is in there, or that there are more than 512 Ki weights: they do
// not fit a core's second cache, and libtorch's blocks for the third do better. So does a layer of
// more than 8,192 columns, or none. May throw.
absl::StatusOr<DenseNetwork> ReadDenseNetwork(torch::jit::Graph& frozen, int inputs);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_DENSE_GRAPH_H_
