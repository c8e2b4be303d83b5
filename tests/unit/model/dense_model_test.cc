#include "server/model/dense_model.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace predictd::model {
namespace {

// Gives twice its value, which it overwrites with it, and takes its time.
class Doubler : public Model {
 public:
  Doubler(int& runs, v1::Signature signature) : runs_(runs), signature_(std::move(signature)) {
    layouts_.push_back({"x", Datatype::kFp32, {-1, 1}, 1});
  }
  const v1::Signature& signature() const override { return signature_; }
  const std::vector<TensorLayout>& inputs() const override { return layouts_; }
  const std::vector<TensorLayout>& outputs() const override { return layouts_; }
  absl::Status Run(int rows, const char* const* inputs, char* const* outputs) const override {
    ++runs_;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    auto* const x = reinterpret_cast<float*>(const_cast<char*>(inputs[0]));
    auto* const y = reinterpret_cast<float*>(outputs[0]);
    for (int i = 0; i < rows; ++i) y[i] = x[i] *= 2;
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<TensorValue>> RunShapes(absl::Span<const TensorView>) const override {
    return std::vector<TensorValue>{};
  }

 private:
  int& runs_;
  const v1::Signature signature_;
  std::vector<TensorLayout> layouts_;
};

DenseNetwork Times(float factor) {
  DenseNetwork network(1);
  network.AddLinear({factor}, {0});
  return network;
}

// How often the model itself still runs once `network` was to take its place.
int RunsOfItsOwn(DenseNetwork network, v1::Signature signature = {}) {
  int runs = 0;
  const auto model =
      PreferDense(std::make_unique<Doubler>(runs, std::move(signature)), std::move(network), "m/1");
  runs = 0;
  float x = 21;
  float y = 0;
  const char* const input = reinterpret_cast<const char*>(&x);
  char* const output = reinterpret_cast<char*>(&y);
  REQUIRE(model->Run(1, &input, &output).ok());
  CHECK(y == 42);
  CHECK(model->inputs()[0].name == "x");
  return runs;
}

TEST_CASE("a dense network takes the place of a slower model that gives the same") {
  CHECK(RunsOfItsOwn(Times(2)) == 0);
}

TEST_CASE("a model stays where the dense network gives something else or has other columns") {
  CHECK(RunsOfItsOwn(Times(2.001F)) == 1);
  DenseNetwork wide(2);
  wide.AddLinear({2, 0}, {0});
  CHECK(RunsOfItsOwn(std::move(wide)) == 1);
}

TEST_CASE("a model stays where the dense network misses a golden case that it meets") {
  v1::Signature signature;
  v1::GoldenCase& golden = *signature.add_golden();
  golden.add_features(1000);
  golden.add_outputs(2000);
  golden.set_tolerance(1e-3F);
  CHECK(RunsOfItsOwn(Times(2), signature) == 0);
  // Within 1e-5 of it, but not within what the golden case allows.
  CHECK(RunsOfItsOwn(Times(2.000005F), signature) == 1);
}

}  // namespace
}  // namespace predictd::model
