#include "server/model/torchscript_model.h"

#include <torch/script.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/model/signature.h"
#include "server/model/torch_runtime.h"
#include "server/model/torchscript_variant.h"

namespace predictd::model {
namespace {

// Rows of the batch on which variants are compared: where most batches under load lie.
constexpr int kSampleRows = 8;

at::ScalarType ScalarType(const std::string& datatype) {
  static const auto* const types = new absl::flat_hash_map<std::string, at::ScalarType>{
      {"BOOL", at::kBool},  {"INT8", at::kChar},  {"UINT8", at::kByte}, {"INT16", at::kShort},
      {"INT32", at::kInt},  {"INT64", at::kLong}, {"FP16", at::kHalf},  {"BF16", at::kBFloat16},
      {"FP32", at::kFloat}, {"FP64", at::kDouble}};
  return types->at(datatype);
}

// The first lines of a libtorch message say what is wrong; the rest is a stack.
std::string ShortMessage(const std::exception& error) {
  const auto* c10_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text =
      c10_error != nullptr ? c10_error->what_without_backtrace() : error.what();
  // A script's own exception stands in the last line of a TorchScript traceback.
  std::string last;
  std::string first;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of(" \t^~") == std::string::npos) continue;
    if (first.empty()) first = line;
    last = line;
  }
  const bool traceback = text.find("Traceback of TorchScript") != std::string::npos;
  return traceback ? last : first;
}

class TorchScriptModel : public Model {
 public:
  TorchScriptModel(v1::Signature signature, torch::jit::Module module)
      : signature_(std::move(signature)), module_(std::move(module)) {
    if (!signature_.features().empty()) input_type_ = ScalarType(signature_.inputs(0).datatype());
  }

  // Picks the fastest form and learns the outputs' widths. May throw.
  absl::Status Prepare() {
    if (signature_.features().empty()) return absl::OkStatus();
    std::vector<float> sample(kSampleRows * signature_.features_size(), 0);
    for (int row = 0; row < kSampleRows; ++row) {
      for (int f = 0; f < signature_.features_size(); ++f) {
        const bool golden = signature_.golden_size() > 0;
        sample[row * signature_.features_size() + f] =
            golden ? signature_.golden(row % signature_.golden_size()).features(f)
                   : signature_.features(f).default_value();
      }
    }
    const std::vector<c10::IValue> inputs = {Input(kSampleRows, sample.data())};
    module_ = FastestVariant(std::move(module_), inputs);
    return LearnOutputs(Outputs(RunModule(module_, inputs)));
  }

  const v1::Signature& signature() const override { return signature_; }
  int outputs_per_row() const override { return outputs_per_row_; }

  absl::Status Run(int rows, const float* features, float* outputs) const override {
    try {
      const std::vector<at::Tensor> tensors = Outputs(RunModule(module_, {Input(rows, features)}));
      return CopyOutputs(rows, tensors, outputs);
    } catch (const std::exception& error) {
      return absl::InternalError(ShortMessage(error));
    } catch (...) {
      return absl::InternalError("unknown exception");
    }
  }

 private:
  at::Tensor Input(int rows, const float* features) const {
    // from_blob takes a mutable pointer, the model only reads.
    at::Tensor input =
        torch::from_blob(const_cast<float*>(features), {rows, signature_.features_size()});
    return input_type_ == at::kFloat ? input : input.to(input_type_);
  }

  static std::vector<at::Tensor> Outputs(const c10::IValue& value) {
    if (value.isTensor()) return {value.toTensor()};
    std::vector<at::Tensor> tensors;
    if (value.isTuple()) {
      for (const c10::IValue& element : value.toTupleRef().elements()) {
        tensors.push_back(element.toTensor());
      }
    } else {
      tensors = value.toTensorVector();
    }
    return tensors;
  }

  absl::Status LearnOutputs(const std::vector<at::Tensor>& tensors) {
    if (tensors.size() != static_cast<size_t>(signature_.outputs_size())) {
      return absl::FailedPreconditionError(absl::StrCat("the model gives ", tensors.size(),
                                                        " outputs; its signature names ",
                                                        signature_.outputs_size()));
    }
    for (size_t i = 0; i < tensors.size(); ++i) {
      const v1::Tensor& declared = signature_.outputs(i);
      const at::Tensor& tensor = tensors[i];
      bool matches = tensor.dim() == declared.shape_size() && tensor.size(0) == kSampleRows;
      for (int d = 1; matches && d < tensor.dim(); ++d) {
        matches = declared.shape(d) == -1 || declared.shape(d) == tensor.size(d);
      }
      if (!matches) {
        return absl::FailedPreconditionError(absl::StrCat(
            "output '", declared.name(), "' has shape ", c10::str(tensor.sizes()), " for ",
            kSampleRows, " rows; its signature says ",
            c10::str(at::IntArrayRef(declared.shape().data(), declared.shape_size()))));
      }
      if (tensor.scalar_type() != ScalarType(declared.datatype())) {
        return absl::FailedPreconditionError(
            absl::StrCat("output '", declared.name(), "' is ", c10::toString(tensor.scalar_type()),
                         "; its signature says ", declared.datatype()));
      }
      widths_.push_back(static_cast<int>(tensor.numel() / kSampleRows));
      outputs_per_row_ += widths_.back();
    }
    return absl::OkStatus();
  }

  absl::Status CopyOutputs(int rows, const std::vector<at::Tensor>& tensors, float* outputs) const {
    if (tensors.size() != widths_.size()) {
      return absl::InternalError(
          absl::StrCat("gave ", tensors.size(), " outputs instead of ", widths_.size()));
    }
    int offset = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const int width = widths_[i];
      const at::Tensor& tensor = tensors[i];
      if (tensor.numel() != static_cast<int64_t>(rows) * width) {
        return absl::InternalError(absl::StrCat("gave ", tensor.numel(), " values for ", rows,
                                                " rows of ", width, " in output '",
                                                signature_.outputs(i).name(), "'"));
      }
      const at::Tensor values = tensor.to(at::kFloat).contiguous();
      const float* from = values.data_ptr<float>();
      for (int row = 0; row < rows; ++row, from += width) {
        std::copy_n(from, width, outputs + row * outputs_per_row_ + offset);
      }
      offset += width;
    }
    return absl::OkStatus();
  }

  const v1::Signature signature_;
  torch::jit::Module module_;
  at::ScalarType input_type_ = at::kFloat;
  std::vector<int> widths_;  // elements per row of each output
  int outputs_per_row_ = 0;
};

absl::StatusOr<std::unique_ptr<Model>> Load(const std::string& directory) {
  const std::string model_path = directory + "/model.pt";
  const std::string signature_path = directory + "/signature.json";
  // The repository's thread runs the model too, while others serve.
  PrepareTorchThread();
  torch::jit::ExtraFilesMap extra = {{"signature.json", ""}};
  torch::jit::Module module = torch::jit::load(model_path, at::kCPU, extra);

  std::string json = extra["signature.json"];
  if (std::filesystem::exists(signature_path)) {
    std::ifstream file(signature_path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return absl::FailedPreconditionError("cannot read " + signature_path);
    json = text.str();
  }
  if (json.empty()) {
    return absl::FailedPreconditionError(
        "no signature: put signature.json beside model.pt, or save the model with "
        "_extra_files={'signature.json': ...}");
  }
  absl::StatusOr<v1::Signature> signature = ParseSignature(json);
  if (!signature.ok()) return absl::FailedPreconditionError(signature.status().message());

  auto model = std::make_unique<TorchScriptModel>(*std::move(signature), std::move(module));
  const absl::Status prepared = model->Prepare();
  if (!prepared.ok()) return prepared;
  return model;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> LoadTorchScript(const std::string& directory) {
  try {
    return Load(directory);
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("libtorch cannot load or run model.pt: ", ShortMessage(error)));
  } catch (...) {
    return absl::FailedPreconditionError("libtorch cannot load model.pt: unknown exception");
  }
}

}  // namespace predictd::model
