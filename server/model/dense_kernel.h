// Layers of a dense network on a few rows, in the processor's vectors.
#ifndef PREDICTD_SERVER_MODEL_DENSE_KERNEL_H_
#define PREDICTD_SERVER_MODEL_DENSE_KERNEL_H_

#include <vector>

namespace predictd::model {

// Columns are filled up to a multiple of this many.
inline constexpr int kLanes = 8;
struct alignas(kLanes * sizeof(float)) Lanes {
  float values[kLanes] = {};
};

// How many `Lanes` hold a row of `columns`.
constexpr int LanesOf(int columns) { return (columns + kLanes - 1) / kLanes; }

enum class DenseOperation {
  kLinear,
  // With a constant per column, in place.
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kLeakyRelu,  // the constants are the slopes below 0
  // In place. NaN stays NaN.
  kRelu,
  kSigmoid,
  kTanh,
  kSilu,
  kGelu,     // by erf
  kSoftmax,  // over a row
};

struct DenseLayer {
  DenseOperation operation;
  int inputs;
  int outputs;
  // Of kLinear, for each `Lanes` of outputs those of the first input, of the second, and so on.
  std::vector<Lanes> weights;
  std::vector<Lanes> constants;  // kLinear: the bias
};

// Rows are worked off together by this many; what the last of them hold does not matter.
inline constexpr int kRowsAtOnce = 4;

// `rows`, a multiple of kRowsAtOnce, of LanesOf(inputs) and LanesOf(outputs) each. kLinear reads
// `x` and writes `y`; the others change `x`. FP32 throughout, the sums of a row in the same order
// whatever stands beside it. Exponentials, held within e^-87 and e^88, are off by 2e-7 of their
// result; tanh and erf by 2e-7.
using DenseKernel = void (*)(const DenseLayer& layer, int rows, Lanes* x, Lanes* y);

// Those that this processor runs, the fastest first: AVX2 with FMA, and what the compiler was told
// that there is. At least one. None uses AVX-512: it takes 0.65 of the time, but for some while
// slows down whatever else the core does, here by 8 % after 0.8 us of it and by 11 to 20 %
// after 10.
std::vector<DenseKernel> DenseKernels();

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_DENSE_KERNEL_H_
