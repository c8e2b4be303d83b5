#include "server/model/dense_kernel.h"

#include <bit>
#include <cstdint>

// Each kernel below is these templates compiled for its processor.
#define PREDICTD_INLINE inline __attribute__((always_inline))

namespace predictd::model {
namespace {

using Vector4 = float __attribute__((vector_size(16)));
using Vector8 = float __attribute__((vector_size(32)));

// kRowsAtOnce rows times kVectors vectors of columns, from `column` on, in as many registers.
template <typename Vector, int kVectors>
PREDICTD_INLINE void MultiplyBlock(const DenseLayer& layer, int column, const float* x, float* y) {
  // As it stands in memory, where it is floats.
  using Stored __attribute__((may_alias)) = Vector;
  constexpr int kWidth = sizeof(Vector) / sizeof(float);
  const int x_stride = LanesOf(layer.inputs) * kLanes;
  const int y_stride = LanesOf(layer.outputs) * kLanes;
  const float* weights[kVectors];
  Vector sums[kRowsAtOnce][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    const int first = column + v * kWidth;
    weights[v] = layer.weights[first / kLanes * layer.inputs].values + first % kLanes;
    for (auto& row : sums) {
      row[v] = *reinterpret_cast<const Stored*>(layer.constants.data()->values + first);
    }
  }
  for (int input = 0; input < layer.inputs; ++input) {
    for (int v = 0; v < kVectors; ++v) {
      const Vector weight = *reinterpret_cast<const Stored*>(weights[v] + input * kLanes);
      for (int row = 0; row < kRowsAtOnce; ++row) {
        sums[row][v] += x[row * x_stride + input] * weight;
      }
    }
  }
  for (int row = 0; row < kRowsAtOnce; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Stored*>(y + row * y_stride + column + v * kWidth) = sums[row][v];
    }
  }
}

template <typename Vector>
PREDICTD_INLINE void Multiply(const DenseLayer& layer, int rows, const float* x, float* y) {
  // Eight sums hide what one addition takes, and fit sixteen registers with what they add.
  constexpr int kVectors = 2;
  constexpr int kWidth = sizeof(Vector) / sizeof(float);
  const int columns = LanesOf(layer.outputs) * kLanes;
  int column = 0;
  for (; column + kVectors * kWidth <= columns; column += kVectors * kWidth) {
    for (int row = 0; row < rows; row += kRowsAtOnce) {
      MultiplyBlock<Vector, kVectors>(layer, column, x + row * LanesOf(layer.inputs) * kLanes,
                                      y + row * columns);
    }
  }
  for (; column < columns; column += kWidth) {
    for (int row = 0; row < rows; row += kRowsAtOnce) {
      MultiplyBlock<Vector, 1>(layer, column, x + row * LanesOf(layer.inputs) * kLanes,
                               y + row * columns);
    }
  }
}

// e^x as in Cephes' expf (netlib.org/cephes), x held within what a float's exponent takes.
PREDICTD_INLINE float Exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Added to this, a number is rounded to an integer, which stands in the last bits.
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23
  const float rounded = x * 1.44269504f + kRound;
  const float power = rounded - kRound;
  const float rest = x - power * 0.693359375f - power * -2.12194440e-4f;
  float sum = 1.9875691500e-4f;
  sum = sum * rest + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  const float mantissa = sum * rest * rest + rest + 1.0f;
  const uint32_t exponent = (std::bit_cast<uint32_t>(rounded) << 23) + 0x3f800000u;
  return mantissa * std::bit_cast<float>(exponent);
}

PREDICTD_INLINE float Sigmoid(float x) { return 1.0f / (1.0f + Exponential(-x)); }

// x times the normal distribution's share below x, erf as in Abramowitz and Stegun, 7.1.26.
PREDICTD_INLINE float Gelu(float x) {
  const float z = (x < 0.0f ? -x : x) * 0.70710678f;
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  float sum = 1.061405429f;
  sum = sum * t - 1.453152027f;
  sum = sum * t + 1.421413741f;
  sum = sum * t - 0.284496736f;
  sum = sum * t + 0.254829592f;
  const float half_above = 0.5f * sum * t * Exponential(-z * z);  // the share beyond z
  return x * (x < 0.0f ? half_above : 1.0f - half_above);
}

template <typename Operation>
PREDICTD_INLINE void WithConstants(const DenseLayer& layer, int rows, float* x, Operation change) {
  const int columns = LanesOf(layer.outputs) * kLanes;
  const float* const constants = layer.constants.data()->values;
  for (int row = 0; row < rows; ++row, x += columns) {
    for (int column = 0; column < columns; ++column) change(x[column], constants[column]);
  }
}

template <typename Function>
PREDICTD_INLINE void Each(const DenseLayer& layer, int rows, float* x, Function function) {
  const int values = rows * LanesOf(layer.outputs) * kLanes;
  for (int i = 0; i < values; ++i) x[i] = function(x[i]);
}

PREDICTD_INLINE void Softmax(const DenseLayer& layer, int rows, float* x) {
  for (int row = 0; row < rows; ++row, x += LanesOf(layer.outputs) * kLanes) {
    float greatest = x[0];
    for (int i = 1; i < layer.outputs; ++i) greatest = x[i] > greatest ? x[i] : greatest;
    float sum = 0.0f;
    for (int i = 0; i < layer.outputs; ++i) sum += x[i] = Exponential(x[i] - greatest);
    for (int i = 0; i < layer.outputs; ++i) x[i] /= sum;
  }
}

template <typename Vector>
PREDICTD_INLINE void RunLayer(const DenseLayer& layer, int rows, float* x, float* y) {
  switch (layer.operation) {
    case DenseOperation::kLinear:
      return Multiply<Vector>(layer, rows, x, y);
    case DenseOperation::kAdd:
      return WithConstants(layer, rows, x, [](float& a, float b) { a += b; });
    case DenseOperation::kSubtract:
      return WithConstants(layer, rows, x, [](float& a, float b) { a -= b; });
    case DenseOperation::kMultiply:
      return WithConstants(layer, rows, x, [](float& a, float b) { a *= b; });
    case DenseOperation::kDivide:
      return WithConstants(layer, rows, x, [](float& a, float b) { a /= b; });
    case DenseOperation::kLeakyRelu:
      return WithConstants(layer, rows, x, [](float& a, float b) { a = a < 0.0f ? a * b : a; });
    case DenseOperation::kRelu:
      return Each(layer, rows, x, [](float a) { return a < 0.0f ? 0.0f : a; });
    case DenseOperation::kSigmoid:
      return Each(layer, rows, x, [](float a) { return Sigmoid(a); });
    case DenseOperation::kTanh:
      return Each(layer, rows, x, [](float a) { return 2.0f * Sigmoid(2.0f * a) - 1.0f; });
    case DenseOperation::kSilu:
      return Each(layer, rows, x, [](float a) { return a * Sigmoid(a); });
    case DenseOperation::kGelu:
      return Each(layer, rows, x, [](float a) { return Gelu(a); });
    case DenseOperation::kSoftmax:
      return Softmax(layer, rows, x);
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void RunAvx2(const DenseLayer& layer, int rows, Lanes* x,
                                                 Lanes* y) {
  RunLayer<Vector8>(layer, rows, x->values, y->values);
}
#endif
void RunAnywhere(const DenseLayer& layer, int rows, Lanes* x, Lanes* y) {
  RunLayer<Vector4>(layer, rows, x->values, y->values);
}

}  // namespace

std::vector<DenseKernel> DenseKernels() {
  std::vector<DenseKernel> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) kernels.push_back(RunAvx2);
#endif
  kernels.push_back(RunAnywhere);
  return kernels;
}

}  // namespace predictd::model
