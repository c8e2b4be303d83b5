// TorchScript models made by the test, and the repository folder that predictd looks at.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_MODELS_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_MODELS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "predictd/v1/signature.pb.h"
#include "tests/fakes/temp_folder.h"

namespace predictd::integration {

// What a version's files are made of. The makers below give a signature with one input "x" of
// features f0, f1, ... without defaults; a test changes what it wants to have otherwise.
struct ModelSpec {
  std::string source;  // TorchScript text of forward(self, x)
  v1::Signature signature;
  bool signature_inside = false;  // as an extra file of model.pt, instead of beside it
  bool signature_missing = false;
  int weights_mb = 0;  // random weights that come with it, as attribute w

  ModelSpec& Defaults(float value);  // of every feature
  ModelSpec& Golden(std::vector<float> features, std::vector<float> outputs);
};

// Holds runs of a Gated model, busily, until the test opens it. Outlives the server.
class Gate {
 public:
  Gate();
  void Open();
  std::string path() const { return folder_.File("gate"); }

 private:
  const TempFolder folder_;
};

// Output `y` is the row itself: shows whose row was answered.
ModelSpec Identity(int features);
// One output `y`: the row's sum, times `factor`.
ModelSpec Sum(int features, float factor = 1);
// As Sum, but a run throws where any row's f0 is below 0, saying "f0 is negative".
ModelSpec ThrowsBelowZero(int features);
// As Sum, but NaN for rows whose f0 is above 1000.
ModelSpec NanAbove1000(int features);
// As Sum, and keeps its thread busy for `per_row` times the rows of the batch (the padded batch).
// Warm-up takes per_row * workers * 3 * (1 + 2 + 4 ... max_batch): keep --max_batch small.
ModelSpec Busy(int features, absl::Duration per_row);
// As Sum, and keeps its thread busy for the sum of the batch's f0, in milliseconds: the request
// says how slow it is, and warm-up (with Defaults(0)) is fast. Use with --inline_budget=0.
ModelSpec BusyByFeature(int features);
// As Sum, and a run with a row whose f0 is above 0 lasts until the gate is open. With Defaults(0)
// the version becomes READY and the request says whether it is held; with Defaults(1) loading is.
ModelSpec Gated(int features, const Gate& gate);
// Outputs `sum` [-1, 1] and `row` [-1, features].
ModelSpec TwoOutputs(int features);
// As Sum, with an INT64 input and an INT64 output.
ModelSpec Int64Sum(int features);
// As Sum, with that much memory beside it.
ModelSpec Big(int features, int megabytes);

// A folder as --models takes it. Versions appear in it whole, by rename, unless a function says
// otherwise.
class ModelRepository {
 public:
  ModelRepository();

  std::string path() const { return models_.string(); }
  std::filesystem::path VersionPath(const std::string& model, int version) const {
    return models_ / model / std::to_string(version);
  }

  // Replaces a version that is there already.
  void Add(const std::string& model, int version, const ModelSpec& spec);
  // A version of which only the first `bytes` of model.pt are there.
  void AddCut(const std::string& model, int version, const ModelSpec& spec, size_t bytes);
  // Copies model.pt into place in `pieces` with `pause` between them, as a slow copy does; returns
  // after the last the longest time that passed between two.
  absl::Duration AddSlowly(const std::string& model, int version, const ModelSpec& spec, int pieces,
                           absl::Duration pause);
  // Writes one file, such as "churn/config.json", by rename.
  void Write(const std::string& relative, const std::string& content);
  void Remove(const std::string& model, int version);

 private:
  // The version's files in a folder of their own, not yet in the repository.
  std::filesystem::path Stage(const ModelSpec& spec);

  const TempFolder folder_;
  const std::filesystem::path models_;
  int staged_ = 0;
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_MODELS_H_
