#include "server/predict/inference.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/predict/whole_request.h"
#include "tests/catch.h"
#include "tests/fakes/predict_rig.h"

namespace predictd::predict {
namespace {

// Looks into `bytes`.
InferRequest RowsOfX(int rows, const std::string& bytes) {
  InferRequest request;
  request.model = "m";
  request.inputs.push_back({"x", Datatype::kFp32, {rows, 3}, bytes});
  return request;
}

TEST_CASE("a request whose answer would be too large is refused before any row is run") {
  int runs = 0;
  Rig::Options options;
  options.function = [&](int rows, const float* in, float* out) {
    ++runs;
    return Rig::Sum(rows, in, out);
  };
  Rig rig(std::move(options));
  Inference inference(rig.loop, rig.catalog, rig.batches, rig.metrics, 10 * sizeof(float));
  const std::string bytes(size_t{11} * 3 * sizeof(float), '\0');
  const std::string fewer = bytes.substr(0, size_t{10} * 3 * sizeof(float));
  const InferRequest most = RowsOfX(10, fewer);
  const InferRequest too_many = RowsOfX(11, bytes);

  const auto answered = rig.Await(inference.Infer(most, rig.call));
  REQUIRE(answered.ok());
  CHECK(answered->outputs.front().bytes.size() == 10 * sizeof(float));
  const int before = runs;
  const auto refused = rig.Await(inference.Infer(too_many, rig.call));
  CHECK(refused.status() ==
        absl::InvalidArgumentError("inputs: the answer to 11 rows takes 44 bytes, the limit is 40; "
                                   "send fewer rows at once"));
  CHECK(runs == before);
}

TEST_CASE("a request of many rows is answered in order, and a row that fails is named") {
  const int rows = GENERATE(2, 64, 65, 1500);
  Rig::Options options;
  options.function = [](int count, const float* in, float* out) {
    for (int i = 0; i < 3 * count; ++i) {
      if (in[i] == -1) return absl::InternalError("minus one!");
    }
    return Rig::Sum(count, in, out);
  };
  Rig rig(std::move(options));
  Inference inference(rig.loop, rig.catalog, rig.batches, rig.metrics, 1 << 20);
  std::vector<float> features(3 * rows);
  for (int i = 0; i < rows; ++i) features[3 * i] = static_cast<float>(i);
  const auto infer = [&] {
    const std::string bytes(reinterpret_cast<const char*>(features.data()),
                            features.size() * sizeof(float));
    const InferRequest request = RowsOfX(rows, bytes);
    return rig.Await(inference.Infer(request, rig.call));
  };
  const auto answer = infer();
  REQUIRE(answer.ok());
  std::vector<float> outputs(rows);
  std::memcpy(outputs.data(), answer->outputs.front().bytes.data(), rows * sizeof(float));
  for (int i = 0; i < rows; ++i) CHECK(outputs[i] == static_cast<float>(i));
  const repository::Version& version = *answer->version;
  CHECK(version.outcomes.rows() == static_cast<uint64_t>(rows));

  const int bad = rows - 2;
  features[3 * bad + 1] = -1;
  CHECK(infer().status() ==
        absl::InternalError(absl::StrCat("row ", bad, ": model 'm' version 1: minus one!")));
  CHECK(version.outcomes.rows() > static_cast<uint64_t>(rows));
}

// Answers each row with `width` zeros, and counts its runs.
class Wide : public NoModel {
 public:
  explicit Wide(int width) : width_(width) {}
  absl::StatusOr<std::vector<TensorValue>> RunShapes(
      absl::Span<const TensorView> inputs) const override {
    ++runs;
    const int64_t rows = inputs[0].shape[0];
    return std::vector<TensorValue>{
        {{rows, width_}, std::string(rows * width_ * sizeof(float), '\0')}};
  }
  mutable int runs = 0;

 private:
  const int64_t width_;
};

TEST_CASE("a request of shapes of its own stops once its answer is too large") {
  const std::string bytes(size_t{8} * 3 * sizeof(float), '\0');
  const InferRequest request = RowsOfX(8, bytes);
  MatchedTensors matched;
  matched.inputs = {request.inputs.data()};
  matched.rows = 8;
  const batching::LaneOptions lane{.model = "m",
                                   .version = "1",
                                   .inputs = {{.name = "x", .shape = {-1, 3}}},
                                   .outputs = {{.name = "y", .shape = {-1, -1}}},
                                   .max_batch = 2};
  std::vector<TensorValue> outputs;

  const Wide small(1);
  CHECK(RunWholeRequest(small, lane, matched, 8 * sizeof(float), outputs).ok());
  CHECK(small.runs == 4);
  CHECK(outputs.front().shape == std::vector<int64_t>{8, 1});
  const Wide large(3);
  CHECK(RunWholeRequest(large, lane, matched, 8 * sizeof(float), outputs) ==
        absl::InvalidArgumentError("inputs: the answer to 4 rows takes 48 bytes, the limit is 32; "
                                   "send fewer rows at once"));
  CHECK(large.runs == 2);
}

}  // namespace
}  // namespace predictd::predict
