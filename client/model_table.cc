#include "client/model_table.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/table.h"
#include "client/text.h"

namespace predictd::client {
namespace {

constexpr size_t kIndent = 4;
constexpr char kNothing[] = "-";

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
  if (tensors.empty()) return kNothing;
  return absl::StrJoin(tensors, ", ", [](std::string* out, const v1::Tensor& tensor) {
    out->append(TensorText(tensor));
  });
}

// "age = 30, hours": a feature with a default and one that must be there.
std::string FeaturesText(const v1::Signature& signature) {
  return absl::StrJoin(signature.features(), ", ", [](std::string* out, const auto& feature) {
    out->append(feature.name());
    if (feature.has_default_value()) {
      absl::StrAppend(out, " = ", FormatFloat(feature.default_value()));
    }
  });
}

std::string SignatureText(const v1::Signature& signature, size_t columns) {
  if (signature.inputs().empty()) return "";
  std::string text =
      absl::StrCat(Wrap("takes " + TensorsText(signature.inputs()), kIndent, columns),
                   Wrap("gives " + TensorsText(signature.outputs()), kIndent, columns));
  if (!signature.features().empty()) {
    text += Wrap("features " + FeaturesText(signature), kIndent, columns);
  }
  return text;
}

// An unloaded version may still say when it was loaded.
bool IsLoaded(const v1::ModelVersion& version) {
  return version.has_loaded_at() &&
         (version.state() == v1::MODEL_STATE_READY || version.state() == v1::MODEL_STATE_UNLOADING);
}

// Of the requests that name no version; a shadow answers none of them.
std::string TrafficText(const v1::ModelVersion& version) {
  if (!IsLoaded(version)) return kNothing;
  if (version.shadow_percent() > 0) {
    return absl::StrCat("shadow ", FormatPercent(version.shadow_percent()));
  }
  return FormatPercent(version.traffic_percent());
}

std::string AgeText(const v1::ModelVersion& version, absl::Time now) {
  return IsLoaded(version) ? FormatBrief(now - FromProto(version.loaded_at())) : kNothing;
}

}  // namespace

std::string ModelTable(const ModelVersions& models, const ModelTableOptions& options) {
  if (models.empty()) {
    return "no models; put one into the folder of predictd's --models, such as churn/1/model.pt\n";
  }
  std::vector<std::string> rows = {"ROWS"};
  for (const auto& version : models) {
    const auto served = static_cast<int64_t>(version.rows_served());
    rows.push_back(IsLoaded(version) ? FormatCount(served) : kNothing);
  }
  AlignDecimalPoints(rows);
  Table table;
  table.AddRow({"MODEL", "VERSION", "STATE", "AGE", "TRAFFIC", rows[0]});
  for (int i = 0; i < models.size(); ++i) {
    const v1::ModelVersion& version = models[i];
    table.AddRow({version.model(), version.version().empty() ? kNothing : version.version(),
                  StateText(version.state()), AgeText(version, options.now), TrafficText(version),
                  rows[i + 1]});
    table.AddText(Wrap(OneLine(version.reason()), kIndent, options.columns));
    if (options.signatures) {
      table.AddText(SignatureText(version.signature(), options.columns));
    }
  }
  return table.Text();
}

}  // namespace predictd::client
