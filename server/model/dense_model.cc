#include "server/model/dense_model.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/model/signature.h"
#include "server/model/timed_runs.h"

namespace predictd::model {
namespace {

// More than one tile, and a rest.
constexpr int kComparedRows = 67;
constexpr float kEqualWithin = 1e-5f;

class DenseModel : public Model {
 public:
  DenseModel(std::unique_ptr<Model> model, DenseNetwork network)
      : model_(std::move(model)), network_(std::move(network)) {}

  const v1::Signature& signature() const override { return model_->signature(); }
  const std::vector<TensorLayout>& inputs() const override { return model_->inputs(); }
  const std::vector<TensorLayout>& outputs() const override { return model_->outputs(); }
  absl::Status Run(int rows, const char* const* inputs, char* const* outputs) const override {
    network_.Run(rows, reinterpret_cast<const float*>(inputs[0]),
                 reinterpret_cast<float*>(outputs[0]));
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<TensorValue>> RunShapes(
      absl::Span<const TensorView> inputs) const override {
    return model_->RunShapes(inputs);
  }

 private:
  const std::unique_ptr<Model> model_;
  const DenseNetwork network_;
};

bool IsFp32(const std::vector<TensorLayout>& tensors, int columns) {
  return tensors.size() == 1 && tensors[0].datatype == Datatype::kFp32 &&
         tensors[0].elements_per_row == columns;
}

// Near what the signature says of the features, and no two alike, so that weights count.
std::vector<float> RandomRows(const v1::Signature& signature, int rows, int columns) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (int i = 0; i < rows * columns; ++i) {
    const int column = i % columns;
    const float usual =
        column < signature.features_size() ? signature.features(column).default_value() : 0.0f;
    values.push_back(usual * (1.0f + 0.5f * normal(random)) + normal(random));
  }
  return values;
}

bool NearlyEqual(const std::vector<float>& wanted, const std::vector<float>& got) {
  return std::equal(wanted.begin(), wanted.end(), got.begin(), got.end(), [](float a, float b) {
    return std::abs(a - b) <= kEqualWithin * std::max(1.0f, std::abs(a));
  });
}

bool MissesGolden(const v1::Signature& signature, const DenseNetwork& network) {
  std::vector<float> outputs(network.outputs());
  for (const v1::GoldenCase& golden : signature.golden()) {
    network.Run(1, golden.features().data(), outputs.data());
    const float tolerance = GoldenTolerance(golden);
    const bool holds = std::equal(
        outputs.begin(), outputs.end(), golden.outputs().begin(), golden.outputs().end(),
        [tolerance](float got, float wanted) { return std::abs(got - wanted) <= tolerance; });
    if (!holds) return true;
  }
  return false;
}

// Why `model` had better run by itself; null where `network` can take its place.
const char* Shortcoming(const Model& model, const DenseNetwork& network) {
  if (!IsFp32(model.inputs(), network.inputs()) || !IsFp32(model.outputs(), network.outputs())) {
    return "its signature says otherwise";
  }
  const std::vector<float> rows = RandomRows(model.signature(), kComparedRows, network.inputs());
  std::vector<float> wanted(static_cast<size_t>(kComparedRows) * network.outputs());
  std::vector<float> got(wanted.size());
  // A copy: the model may work in place.
  std::vector<float> copy = rows;
  const char* const input = reinterpret_cast<const char*>(copy.data());
  char* const output = reinterpret_cast<char*>(wanted.data());
  if (!model.Run(kComparedRows, &input, &output).ok()) return "random rows do not run";
  network.Run(kComparedRows, rows.data(), got.data());
  if (!NearlyEqual(wanted, got)) return "its outputs differ by more than 1e-5";
  if (MissesGolden(model.signature(), network)) return "it misses a golden case";
  const double usual = BestSeconds([&] { model.Run(kTimedRows, &input, &output).IgnoreError(); });
  const double dense = BestSeconds([&] { network.Run(kTimedRows, rows.data(), got.data()); });
  return dense < usual ? nullptr : "it is no faster";
}

}  // namespace

std::unique_ptr<Model> PreferDense(std::unique_ptr<Model> model, DenseNetwork network,
                                   const std::string& directory) {
  if (const char* const reason = Shortcoming(*model, network); reason != nullptr) {
    Log(LogLevel::kDebug, "model runs without an optimisation",
        {{"folder", directory}, {"optimisation", "dense kernels"}, {"reason", reason}});
    return model;
  }
  return std::make_unique<DenseModel>(std::move(model), std::move(network));
}

}  // namespace predictd::model
