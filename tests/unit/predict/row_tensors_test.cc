#include "server/predict/row_tensors.h"

#include <cstring>
#include <vector>

#include "tests/catch.h"

namespace predictd::predict {
namespace {

struct TestRow final : batching::Row {
  void Run() override {}
};

// What becomes of a row for which the model gives these values as FP64, and its floats.
absl::Status Taken(const std::vector<double>& given, std::vector<float>& floats) {
  const auto width = static_cast<int64_t>(given.size());
  const batching::LaneOptions lane{
      .model = "m",
      .version = "1",
      .inputs = {{.name = "x", .shape = {-1, 1}, .elements_per_row = 1}},
      .outputs = {{.name = "y",
                   .datatype = Datatype::kFp64,
                   .shape = {-1, width},
                   .elements_per_row = width}}};
  const float feature = 1;
  floats.resize(OutputsPerRow(lane));
  TestRow row;
  RowTensors tensors(lane, 1, absl::MakeConstSpan(&feature, 1), absl::MakeSpan(floats));
  tensors.Point(row);
  std::memcpy(row.outputs[0], given.data(), given.size() * sizeof(double));
  return tensors.TakeOutputs(0, absl::MakeSpan(floats));
}

TEST_CASE("outputs of other types are answered as the nearest floats") {
  std::vector<float> floats;
  CHECK(Taken({0.1, -3e38}, floats).ok());
  CHECK(floats == std::vector<float>{0.1F, -3e38F});
}

TEST_CASE("a row of many is given what is its own of every output") {
  const Datatype datatype = GENERATE(Datatype::kFp32, Datatype::kFp64);
  const batching::LaneOptions lane{
      .model = "m",
      .version = "1",
      .inputs = {{.name = "x", .shape = {-1, 2}, .elements_per_row = 2}},
      .outputs = {{.name = "y", .shape = {-1, 1}, .elements_per_row = 1},
                  {.name = "z", .datatype = datatype, .shape = {-1, 2}, .elements_per_row = 2}}};
  const std::vector<float> features = {0, 1, 10, 11, 20, 21};
  std::vector<float> memory(3 * OutputsPerRow(lane));
  RowTensors tensors(lane, 3, features, absl::MakeSpan(memory));
  TestRow row;
  tensors.Point(row);
  for (int i = 0; i < 3; ++i) {
    const float* const in = reinterpret_cast<const float*>(row.inputs[0]) + 2 * i;
    CHECK(std::vector<float>(in, in + 2) == std::vector<float>{10.0F * i, 10.0F * i + 1});
    const std::vector<float> given = {static_cast<float>(i), 0.25F * i, 0.5F * i};
    FromFloats(absl::MakeConstSpan(given).first(1), Datatype::kFp32,
               row.outputs[0] + i * sizeof(float));
    FromFloats(absl::MakeConstSpan(given).last(2), datatype,
               row.outputs[1] + i * 2 * DatatypeSize(datatype));
  }
  for (int i = 0; i < 3; ++i) {
    std::vector<float> taken(3);
    CHECK(tensors.TakeOutputs(i, absl::MakeSpan(taken)).ok());
    CHECK(taken == std::vector<float>{static_cast<float>(i), 0.25F * i, 0.5F * i});
  }
}

TEST_CASE("an output that no float can hold fails its row rather than being infinite") {
  std::vector<float> floats;
  CHECK(Taken({1, 1e39}, floats) ==
        absl::InternalError("model 'm' version 1: gave a value beyond FP32 in output 'y' for this "
                            "row; ModelInfer answers it as it is"));
  CHECK(absl::IsInternal(Taken({-1e300, 1}, floats)));
}

}  // namespace
}  // namespace predictd::predict
