#include "client/model_list.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/table.h"
#include "client/text.h"
#include "predictd/v1/predictor.grpc.pb.h"

namespace predictd::client {
namespace {

// "probability FP32", "embedding FP32[16]": the batch dimension goes without saying.
std::string TensorText(const v1::Tensor& tensor) {
  std::vector<std::string> sizes;
  for (int i = 1; i < tensor.shape_size(); ++i) {
    sizes.push_back(tensor.shape(i) < 0 ? "?" : absl::StrCat(tensor.shape(i)));
  }
  return absl::StrCat(tensor.name(), " ", tensor.datatype(),
                      sizes.empty() ? "" : absl::StrCat("[", absl::StrJoin(sizes, ","), "]"));
}

std::string TensorsText(const google::protobuf::RepeatedPtrField<v1::Tensor>& tensors) {
  if (tensors.empty()) return "-";
  return absl::StrJoin(tensors, ", ", [](std::string* out, const v1::Tensor& tensor) {
    out->append(TensorText(tensor));
  });
}

}  // namespace

grpc::Status ListModels(const Connection& connection, v1::ListModelsResponse* models) {
  grpc::ClientContext context;
  SetTimeout(context, connection.timeout);
  return v1::Predictor::NewStub(connection.channel)->ListModels(&context, {}, models);
}

const v1::Signature* FindSignature(const v1::ListModelsResponse& models, absl::string_view model,
                                   absl::string_view version) {
  for (const auto& candidate : models.models()) {
    if (candidate.model() == model && candidate.version() == version) {
      return &candidate.signature();
    }
  }
  return nullptr;
}

std::string ModelTable(const google::protobuf::RepeatedPtrField<v1::ModelVersion>& models,
                       absl::Time now) {
  Table table;
  table.AddRow({"MODEL", "VERSION", "STATE", "LOADED", "INPUTS", "OUTPUTS", "REASON"});
  for (const auto& version : models) {
    const std::string loaded =
        version.has_loaded_at()
            ? absl::StrCat(FormatBrief(now - FromProto(version.loaded_at())), " ago")
            : "-";
    table.AddRow({version.model(), version.version(), StateText(version.state()), loaded,
                  TensorsText(version.signature().inputs()),
                  TensorsText(version.signature().outputs()), OneLine(version.reason())});
  }
  return table.Text();
}

}  // namespace predictd::client
