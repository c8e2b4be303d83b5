#include "tests/integration/harness/models.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/harness/child_process.h"
#include "tests/integration/harness/script_writer.h"

namespace predictd::integration {
namespace {

constexpr char kRowSums[] = "x.sum(1, True)";

void SetTensor(v1::Tensor& tensor, const std::string& name, const std::string& datatype,
               int width) {
  tensor.set_name(name);
  tensor.set_datatype(datatype);
  tensor.add_shape(-1);
  tensor.add_shape(width);
}

ModelSpec Spec(int features, int outputs, std::vector<std::string> lines) {
  ModelSpec spec;
  SetTensor(*spec.signature.add_inputs(), "x", "FP32", features);
  SetTensor(*spec.signature.add_outputs(), "y", "FP32", outputs);
  for (int feature = 0; feature < features; ++feature) {
    spec.signature.add_features()->set_name(absl::StrCat("f", feature));
  }
  spec.source = "def forward(self, x):\n";
  for (const std::string& line : lines) absl::StrAppend(&spec.source, "    ", line, "\n");
  return spec;
}

// Busy, not asleep: TorchScript has no way to sleep.
ModelSpec SpecOfBusy(int features, const std::string& nanoseconds) {
  return Spec(features, 1,
              {"until = prim.TimePoint() + int(" + nanoseconds + ")",
               "while prim.TimePoint() < until:", "    pass", absl::StrCat("return ", kRowSums)});
}

std::string Json(const v1::Signature& signature) {
  std::string json;
  google::protobuf::util::MessageToJsonString(signature, &json);
  return json;
}

void WriteFile(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

ModelSpec& ModelSpec::Defaults(float value) {
  for (v1::Feature& feature : *signature.mutable_features()) feature.set_default_value(value);
  return *this;
}

ModelSpec& ModelSpec::Golden(std::vector<float> features, std::vector<float> outputs) {
  v1::GoldenCase& golden = *signature.add_golden();
  golden.mutable_features()->Add(features.begin(), features.end());
  golden.mutable_outputs()->Add(outputs.begin(), outputs.end());
  return *this;
}

ModelSpec Identity(int features) { return Spec(features, features, {"return x"}); }

ModelSpec Sum(int features, float factor) {
  return Spec(features, 1, {absl::StrCat("return ", kRowSums, " * ", factor)});
}

ModelSpec ThrowsBelowZero(int features) {
  return Spec(
      features, 1,
      {"assert bool((x[:, 0] >= 0).all()), \"f0 is negative\"", absl::StrCat("return ", kRowSums)});
}

ModelSpec NanAbove1000(int features) {
  return Spec(features, 1,
              {absl::StrCat("y = ", kRowSums),
               "return torch.where(x[:, 0:1] > 1000, y * float(\"nan\"), y)"});
}

ModelSpec Busy(int features, absl::Duration per_row) {
  return SpecOfBusy(features, absl::StrCat("x.size(0) * ", absl::ToInt64Nanoseconds(per_row)));
}

ModelSpec BusyByFeature(int features) { return SpecOfBusy(features, "x[:, 0].sum() * 1000000"); }

ModelSpec Gated(int features, const Gate& gate) {
  // The size depends on the input, and the result on the loop, so that no optimisation reads the
  // file once and for all or leaves the loop out.
  return Spec(features, 1,
              {"looks = 0", "if bool((x[:, 0] > 0).any()):",
               absl::StrCat("    while bool(torch.from_file(\"", gate.path(),
                            "\", True, min(x.size(0), looks + 1))[0] == 0):"),
               "        looks += 1", absl::StrCat("return ", kRowSums, " + float(looks) * 0")});
}

Gate::Gate() { WriteFile(path(), std::string(sizeof(float), '\0')); }

void Gate::Open() {
  const float open = 1;
  // In place: the server has the file mapped.
  std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
  file.write(reinterpret_cast<const char*>(&open), sizeof(open));
  if (!file.flush()) throw std::runtime_error("cannot write " + path());
}

ModelSpec TwoOutputs(int features) {
  ModelSpec spec = Spec(features, 1, {absl::StrCat("return ", kRowSums, ", x")});
  spec.signature.mutable_outputs(0)->set_name("sum");
  SetTensor(*spec.signature.add_outputs(), "row", "FP32", features);
  return spec;
}

ModelSpec Int64Sum(int features) {
  ModelSpec spec = Spec(features, 1, {absl::StrCat("return ", kRowSums)});
  spec.signature.mutable_inputs(0)->set_datatype("INT64");
  spec.signature.mutable_outputs(0)->set_datatype("INT64");
  return spec;
}

ModelSpec Big(int features, int megabytes) {
  ModelSpec spec = Spec(features, 1, {absl::StrCat("return ", kRowSums, " + self.w[0, 0] * 0")});
  spec.weights_mb = megabytes;
  return spec;
}

ModelRepository::ModelRepository() : models_(folder_.path() / "models") {
  std::filesystem::create_directory(models_);
}

std::filesystem::path ModelRepository::Stage(const ModelSpec& spec) {
  const std::filesystem::path staged = folder_.path() / absl::StrCat("staged-", ++staged_);
  std::filesystem::create_directory(staged);
  const std::string json = spec.signature_missing ? "" : Json(spec.signature);
  WriteTorchScript((staged / "model.pt").string(), spec.source, spec.signature_inside ? json : "",
                   spec.weights_mb);
  if (!spec.signature_inside && !json.empty()) WriteFile(staged / "signature.json", json);
  return staged;
}

void ModelRepository::Add(const std::string& model, int version, const ModelSpec& spec) {
  const std::filesystem::path staged = Stage(spec);
  std::filesystem::create_directories(models_ / model);
  Remove(model, version);
  std::filesystem::rename(staged, VersionPath(model, version));
}

void ModelRepository::AddCut(const std::string& model, int version, const ModelSpec& spec,
                             size_t bytes) {
  const std::filesystem::path staged = Stage(spec);
  std::filesystem::resize_file(staged / "model.pt", bytes);
  std::filesystem::create_directories(models_ / model);
  Remove(model, version);
  std::filesystem::rename(staged, VersionPath(model, version));
}

absl::Duration ModelRepository::AddSlowly(const std::string& model, int version,
                                          const ModelSpec& spec, int pieces, absl::Duration pause) {
  const std::filesystem::path staged = Stage(spec);
  const std::string content = ReadFile((staged / "model.pt").string());
  std::filesystem::remove(staged / "model.pt");
  std::filesystem::create_directories(models_ / model);
  Remove(model, version);
  std::filesystem::rename(staged, VersionPath(model, version));
  const size_t piece = content.size() / pieces + 1;
  absl::Duration longest;
  absl::Time last = absl::Now();
  for (size_t at = 0; at < content.size(); at += piece) {
    std::ofstream(VersionPath(model, version) / "model.pt", std::ios::binary | std::ios::app)
        << content.substr(at, piece);
    const absl::Time now = absl::Now();
    longest = std::max(longest, now - last);
    last = now;
    absl::SleepFor(pause);
  }
  return longest;
}

void ModelRepository::Write(const std::string& relative, const std::string& content) {
  const std::filesystem::path staged = folder_.path() / absl::StrCat("staged-", ++staged_);
  WriteFile(staged, content);
  std::filesystem::create_directories((models_ / relative).parent_path());
  std::filesystem::rename(staged, models_ / relative);
}

void ModelRepository::Remove(const std::string& model, int version) {
  // Out of sight in one step, then deleted.
  const std::filesystem::path away = folder_.path() / absl::StrCat("removed-", ++staged_);
  std::error_code not_there;
  std::filesystem::rename(VersionPath(model, version), away, not_there);
  std::filesystem::remove_all(away);
}

}  // namespace predictd::integration
