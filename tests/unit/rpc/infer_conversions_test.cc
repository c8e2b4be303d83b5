#include "server/rpc/infer_conversions.h"

#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "server/rpc/infer_parameters.h"
#include "tests/catch.h"

namespace predictd::rpc {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

std::string Floats(const std::vector<float>& elements) {
  std::string bytes(elements.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

ModelInferRequest::InferInputTensor& AddInput(ModelInferRequest& request, const char* name,
                                              const char* datatype, std::vector<int64_t> shape) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  input.mutable_shape()->Assign(shape.begin(), shape.end());
  return input;
}

TEST_CASE("raw inputs are looked at where they lie, in order") {
  ModelInferRequest message;
  message.set_model_name("m");
  message.set_model_version("3");
  AddInput(message, "a", "FP32", {1, 2});
  AddInput(message, "b", "INT64", {1, 1});
  message.add_raw_input_contents(Floats({1, 2}));
  message.add_raw_input_contents(std::string(8, '\0'));
  message.add_outputs()->set_name("z");
  message.add_outputs()->set_name("y");

  InferCall call;
  REQUIRE(ReadInferRequest(message, call).ok());
  CHECK(call.raw_outputs);
  CHECK(call.narrowed.empty());
  CHECK(call.request.model == "m");
  CHECK(call.request.version == "3");
  CHECK(call.request.timeout == absl::InfiniteDuration());
  REQUIRE(call.request.inputs.size() == 2);
  const predict::InputTensor& a = call.request.inputs[0];
  CHECK(a.name == "a");
  CHECK(a.datatype == Datatype::kFp32);
  CHECK(a.shape == std::vector<int64_t>{1, 2});
  CHECK(a.bytes.data() == message.raw_input_contents(0).data());
  CHECK(call.request.inputs[1].datatype == Datatype::kInt64);
  CHECK(call.request.inputs[1].bytes.size() == 8);
  CHECK(call.request.outputs == std::vector<absl::string_view>{"z", "y"});
}

TEST_CASE("typed inputs become bytes, and ask for typed outputs") {
  ModelInferRequest message;
  auto* const a = AddInput(message, "a", "FP32", {1, 2}).mutable_contents();
  a->add_fp32_contents(1);
  a->add_fp32_contents(2);
  AddInput(message, "b", "UINT8", {1, 1}).mutable_contents()->add_uint_contents(200);
  AddInput(message, "c", "INT8", {1, 1}).mutable_contents()->add_int_contents(-3);
  InferCall call;
  REQUIRE(ReadInferRequest(message, call).ok());
  CHECK_FALSE(call.raw_outputs);
  CHECK(call.request.inputs[0].bytes == Floats({1, 2}));
  CHECK(call.request.inputs[0].bytes.data() ==
        reinterpret_cast<const char*>(a->fp32_contents().data()));
  CHECK(call.request.inputs[1].bytes == "\xC8");
  CHECK(call.request.inputs[2].bytes == "\xFD");
}

TEST_CASE("a request whose tensors do not go together is refused by the tensor's name") {
  const auto refusal = [](const std::function<void(ModelInferRequest&)>& change) {
    ModelInferRequest message;
    AddInput(message, "a", "FP32", {1, 1});
    AddInput(message, "b", "FP32", {1, 1});
    message.add_raw_input_contents(Floats({1}));
    message.add_raw_input_contents(Floats({2}));
    change(message);
    InferCall call;
    const absl::Status status = ReadInferRequest(message, call);
    CHECK(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  CHECK(refusal([](ModelInferRequest& m) { m.mutable_inputs(1)->mutable_contents(); }) ==
        "inputs['b']: has contents beside raw_input_contents");
  CHECK(refusal([](ModelInferRequest& m) { m.mutable_raw_input_contents()->RemoveLast(); }) ==
        "inputs['b']: has no raw_input_contents; the inputs before it have");
  CHECK(refusal([](ModelInferRequest& m) { m.add_raw_input_contents("1"); }) ==
        "raw_input_contents: there are 3 for 2 inputs");
  CHECK(refusal([](ModelInferRequest& m) {
          m.clear_raw_input_contents();
          m.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
        }) == "inputs['b']: has neither contents nor raw_input_contents");
  CHECK(refusal([](ModelInferRequest& m) { m.mutable_inputs(1)->set_datatype("BYTES"); }) ==
        "inputs['b']: unknown datatype 'BYTES'; known are: BOOL, INT8, UINT8, INT16, INT32, INT64, "
        "FP16, BF16, FP32, FP64");
  CHECK(refusal([](ModelInferRequest& m) {
          (*m.mutable_inputs(1)->mutable_parameters())["shared_memory_region"].set_string_param(
              "r");
        }) == "inputs['b'].parameters['shared_memory_region'] is not supported");
  CHECK(refusal([](ModelInferRequest& m) {
          auto& output = *m.add_outputs();
          output.set_name("y");
          (*output.mutable_parameters())["classification"].set_int64_param(3);
        }) == "outputs['y'].parameters['classification'] is not supported");
}

TEST_CASE("parameters with a meaning are read, reserved ones refused, others ignored") {
  ModelInferRequest message;
  auto& parameters = *message.mutable_parameters();
  parameters["timeout"].set_int64_param(1500);
  parameters["binary_data_output"].set_bool_param(false);
  parameters["triton_enable_empty_final_response"].set_bool_param(true);
  parameters["priority"].set_uint64_param(3);
  parameters["mine"].set_string_param("anything");
  const auto read = ReadParameters(message);
  REQUIRE(read.ok());
  CHECK(read->timeout == absl::Microseconds(1500));
  CHECK(read->raw_outputs == false);

  parameters["timeout"].set_uint64_param(0);
  CHECK(ReadParameters(message)->timeout == absl::InfiniteDuration());
  for (const char* const reserved :
       {"sequence_id", "sequence_start", "sequence_end", "triton_other"}) {
    ModelInferRequest refused;
    (*refused.mutable_parameters())[reserved].set_int64_param(0);
    const absl::Status status = ReadParameters(refused).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(status.message().find(reserved) != std::string::npos);
  }
  parameters["timeout"].set_int64_param(-1);
  CHECK(absl::IsInvalidArgument(ReadParameters(message).status()));
  parameters["timeout"].set_string_param("1s");
  CHECK(absl::IsInvalidArgument(ReadParameters(message).status()));
}

predict::InferAnswer AnswerOf(std::vector<predict::OutputTensor> outputs) {
  auto version = std::make_shared<repository::Version>();
  version->model = "m";
  version->version = "7";
  return {std::move(version), std::move(outputs), {}};
}

TEST_CASE("outputs are answered raw or typed, in order") {
  const std::vector<predict::OutputTensor> outputs = {
      {"p", Datatype::kFp32, {2, 1}, Floats({1, 2})}, {"ok", Datatype::kBool, {2}, "\1\1"}};
  predict::InferAnswer answer = AnswerOf(outputs);
  ModelInferResponse raw;
  FillInferResponse(answer, /*raw=*/true, raw);
  CHECK(raw.model_name() == "m");
  CHECK(raw.model_version() == "7");
  REQUIRE(raw.outputs_size() == 2);
  CHECK(raw.outputs(0).name() == "p");
  CHECK(raw.outputs(0).datatype() == "FP32");
  CHECK(raw.outputs(0).shape_size() == 2);
  CHECK(raw.outputs(0).shape(0) == 2);
  CHECK_FALSE(raw.outputs(0).has_contents());
  CHECK(raw.outputs(0).parameters().empty());
  REQUIRE(raw.raw_output_contents_size() == 2);
  CHECK(raw.raw_output_contents(0) == Floats({1, 2}));
  CHECK(raw.raw_output_contents(1) == "\1\1");

  answer = AnswerOf(outputs);
  ModelInferResponse typed;
  FillInferResponse(answer, /*raw=*/false, typed);
  CHECK(typed.raw_output_contents().empty());
  CHECK(typed.outputs(0).contents().fp32_contents(1) == 2);
  CHECK(typed.outputs(1).contents().bool_contents_size() == 2);
}

TEST_CASE("with a 16-bit float among the outputs all are raw") {
  predict::InferAnswer answer =
      AnswerOf({{"p", Datatype::kFp32, {1}, Floats({1})}, {"h", Datatype::kFp16, {1}, "ab"}});
  ModelInferResponse message;
  FillInferResponse(answer, /*raw=*/false, message);
  CHECK(message.raw_output_contents_size() == 2);
  CHECK_FALSE(message.outputs(0).has_contents());
}

}  // namespace
}  // namespace predictd::rpc
