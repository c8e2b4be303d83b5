// Calls of inference.GRPCInferenceService, and models whose tensors are worth sending.
#ifndef PREDICTD_TESTS_INTEGRATION_INFERENCE_CLIENT_H_
#define PREDICTD_TESTS_INTEGRATION_INFERENCE_CLIENT_H_

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "inference/grpc_service.grpc.pb.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {

// One connection; any thread.
class InferenceClient {
 public:
  using Stub = inference::GRPCInferenceService::Stub;

  explicit InferenceClient(const PredictdProcess& server)
      : stub_(inference::GRPCInferenceService::NewStub(server.NewChannel())) {}

  Stub& stub() { return *stub_; }

  // Call(&Stub::ModelInfer, request)
  template <typename Request, typename Response>
  Answer<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    Answer<Response> answer;
    answer.status = ((*stub_).*method)(&context, request, &answer.response);
    return answer;
  }
  Answer<inference::ModelInferResponse> Infer(const inference::ModelInferRequest& request) {
    return Call(&Stub::ModelInfer, request);
  }

 private:
  const std::unique_ptr<Stub> stub_;
};

struct TensorSpec {
  const char* name;
  const char* datatype;
  std::vector<int64_t> shape;
};

// A model that serves tensors only.
inline ModelSpec TensorModel(const std::string& source, const std::vector<TensorSpec>& inputs,
                             const std::vector<TensorSpec>& outputs) {
  ModelSpec spec;
  spec.source = source;
  const auto fill = [](const TensorSpec& from, v1::Tensor& tensor) {
    tensor.set_name(from.name);
    tensor.set_datatype(from.datatype);
    tensor.mutable_shape()->Assign(from.shape.begin(), from.shape.end());
  };
  for (const TensorSpec& input : inputs) fill(input, *spec.signature.add_inputs());
  for (const TensorSpec& output : outputs) fill(output, *spec.signature.add_outputs());
  return spec;
}

// Inputs of three datatypes, outputs of ranks 1 to 3 and of three datatypes: `total` is the sum of
// x and k, `signed` is x or, where flag is false, -x, `cube` is x and 2x, `next` is k + 1, `not` is
// the opposite of flag.
inline ModelSpec Mixed() {
  return TensorModel(
      "def forward(self, x, k, flag):\n"
      "    total = x.sum(1) + k[:, 0].to(x.dtype)\n"
      "    return (total, torch.where(flag, x, -x), torch.stack([x, x * 2], 1), k + 1,\n"
      "            torch.logical_not(flag))\n",
      {{"x", "FP32", {-1, 2}}, {"k", "INT64", {-1, 1}}, {"flag", "BOOL", {-1, 1}}},
      {{"total", "FP32", {-1}},
       {"signed", "FP32", {-1, 2}},
       {"cube", "FP32", {-1, 2, 2}},
       {"next", "INT64", {-1, 1}},
       {"not", "BOOL", {-1, 1}}});
}

template <typename Element>
std::string Bytes(const std::vector<Element>& elements) {
  std::string bytes(elements.size() * sizeof(Element), '\0');
  std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

template <typename Element>
std::vector<Element> Elements(const std::string& bytes) {
  std::vector<Element> elements(bytes.size() / sizeof(Element));
  std::memcpy(elements.data(), bytes.data(), elements.size() * sizeof(Element));
  return elements;
}

inline inference::ModelInferRequest::InferInputTensor& AddInput(
    inference::ModelInferRequest& request, const std::string& name, const std::string& datatype,
    const std::vector<int64_t>& shape) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  input.mutable_shape()->Assign(shape.begin(), shape.end());
  return input;
}

// For a model with one FP32 input "x", such as Sum.
inline inference::ModelInferRequest RowsOfX(const std::string& model, int rows,
                                            const std::vector<float>& elements) {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  AddInput(request, "x", "FP32", {rows, static_cast<int64_t>(elements.size()) / rows});
  request.add_raw_input_contents(Bytes(elements));
  return request;
}

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_INFERENCE_CLIENT_H_
