#include "server/model/dense_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/catch.h"

namespace predictd::model {
namespace {

using Floats = std::vector<float>;

Floats Random(size_t count) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(random);
  return values;
}

Floats Run(const DenseNetwork& network, int rows, const Floats& x) {
  Floats y(static_cast<size_t>(rows) * network.outputs());
  network.Run(rows, x.data(), y.data());
  return y;
}

// x W^T + bias of one row, in double precision.
std::vector<double> Linear(const std::vector<double>& x, const Floats& weight, const Floats& bias) {
  std::vector<double> y(bias.begin(), bias.end());
  for (size_t output = 0; output < y.size(); ++output) {
    for (size_t input = 0; input < x.size(); ++input) {
      y[output] += x[input] * weight[output * x.size() + input];
    }
  }
  return y;
}

TEST_CASE("linear layers and relu give what they give in double precision, in any number of rows") {
  constexpr int kInputs = 17;
  constexpr int kHidden = 45;
  constexpr int kOutputs = 3;
  const Floats first = Random(kHidden * kInputs);
  const Floats first_bias = Random(kHidden);
  const Floats second = Random(kOutputs * kHidden);
  const Floats second_bias = Random(kOutputs);
  for (const DenseKernel kernel : DenseKernels()) {
    DenseNetwork network(kInputs, kernel);
    network.AddLinear(first, first_bias);
    network.AddActivation(DenseOperation::kRelu);
    network.AddLinear(second, second_bias);
    REQUIRE(network.outputs() == kOutputs);
    for (const int rows : {1, 3, 4, 64, 131}) {
      const Floats x = Random(static_cast<size_t>(rows) * kInputs);
      const Floats y = Run(network, rows, x);
      for (int row = 0; row < rows; ++row) {
        const auto from = x.begin() + row * kInputs;
        std::vector<double> wanted = Linear({from, from + kInputs}, first, first_bias);
        for (double& value : wanted) value = std::max(value, 0.0);
        wanted = Linear(wanted, second, second_bias);
        for (int i = 0; i < kOutputs; ++i) {
          CHECK(y[row * kOutputs + i] == Approx(wanted[i]).epsilon(1e-5).margin(1e-4));
        }
      }
    }
  }
}

TEST_CASE("a row's result does not depend on the rows beside it") {
  for (const DenseKernel kernel : DenseKernels()) {
    DenseNetwork network(20, kernel);
    network.AddLinear(Random(33 * 20), Random(33));
    network.AddActivation(DenseOperation::kTanh);
    network.AddLinear(Random(2 * 33), Random(2));
    network.AddActivation(DenseOperation::kSigmoid);
    const Floats x = Random(70 * 20);
    const Floats together = Run(network, 70, x);
    for (int row = 0; row < 70; ++row) {
      const Floats alone = Run(network, 1, {x.begin() + row * 20, x.begin() + (row + 1) * 20});
      CHECK(alone == Floats{together[row * 2], together[row * 2 + 1]});
    }
  }
}

TEST_CASE("constants are added, subtracted, multiplied and divided by, column by column") {
  for (const DenseKernel kernel : DenseKernels()) {
    DenseNetwork network(2, kernel);
    network.AddWithConstants(DenseOperation::kSubtract, {1, 2});
    network.AddWithConstants(DenseOperation::kDivide, {4, 8});
    network.AddWithConstants(DenseOperation::kMultiply, {3, 5});
    network.AddWithConstants(DenseOperation::kAdd, {10, 20});
    CHECK(Run(network, 2, {5, 10, 1, 18}) == Floats{13, 25, 10, 30});
  }
}

TEST_CASE("sigmoid and tanh are within 2e-7 of the truth and keep to their limits") {
  for (const DenseKernel kernel : DenseKernels()) {
    DenseNetwork sigmoid(1, kernel);
    sigmoid.AddActivation(DenseOperation::kSigmoid);
    DenseNetwork tanh(1, kernel);
    tanh.AddActivation(DenseOperation::kTanh);
    for (double x = -120; x < 120; x += 0.0625) {
      const float value = static_cast<float>(x);
      CHECK(Run(sigmoid, 1, {value})[0] == Approx(1 / (1 + std::exp(-x))).margin(2e-7));
      CHECK(Run(tanh, 1, {value})[0] == Approx(std::tanh(x)).margin(2e-7));
    }
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    CHECK(Run(sigmoid, 2, {kInfinity, -kInfinity}) == Floats{1, Run(sigmoid, 1, {-88})[0]});
    CHECK(Run(tanh, 2, {kInfinity, -kInfinity}) == Floats{1, -1});
  }
}

TEST_CASE("silu, gelu and leaky relu are within 1e-6 of the truth") {
  for (const DenseKernel kernel : DenseKernels()) {
    DenseNetwork silu(1, kernel);
    silu.AddActivation(DenseOperation::kSilu);
    DenseNetwork gelu(1, kernel);
    gelu.AddActivation(DenseOperation::kGelu);
    DenseNetwork leaky(1, kernel);
    leaky.AddWithConstants(DenseOperation::kLeakyRelu, {0.25f});
    for (double x = -20; x < 20; x += 0.0625) {
      const float value = static_cast<float>(x);
      CHECK(Run(silu, 1, {value})[0] == Approx(x / (1 + std::exp(-x))).margin(1e-6));
      CHECK(Run(gelu, 1, {value})[0] == Approx(x * std::erfc(-x / std::sqrt(2)) / 2).margin(1e-6));
      CHECK(Run(leaky, 1, {value})[0] == (value < 0 ? value / 4 : value));
    }
  }
}

TEST_CASE("softmax is over the row's own columns, however large they are") {
  for (const DenseKernel kernel : DenseKernels()) {
    DenseNetwork network(3, kernel);
    network.AddActivation(DenseOperation::kSoftmax);
    const Floats y = Run(network, 2, {1000, 1000, 1000, 0, std::log(2.0f), std::log(5.0f)});
    const Floats wanted = {1 / 3.0f, 1 / 3.0f, 1 / 3.0f, 0.125, 0.25, 0.625};
    for (int i = 0; i < 6; ++i) CHECK(y[i] == Approx(wanted[i]).epsilon(1e-6));
  }
}

TEST_CASE("NaN stays NaN through every activation, so that the row is refused") {
  for (const DenseKernel kernel : DenseKernels()) {
    for (const DenseOperation operation :
         {DenseOperation::kRelu, DenseOperation::kSigmoid, DenseOperation::kTanh,
          DenseOperation::kSilu, DenseOperation::kGelu, DenseOperation::kSoftmax}) {
      DenseNetwork network(1, kernel);
      network.AddActivation(operation);
      const Floats y = Run(network, 2, {std::nanf(""), 1});
      CHECK(std::isnan(y[0]));
      CHECK_FALSE(std::isnan(y[1]));
    }
  }
}

}  // namespace
}  // namespace predictd::model
