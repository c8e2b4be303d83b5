// A repository over a temporary folder that looks when told, with models that the test writes.
#ifndef PREDICTD_TESTS_UNIT_REPOSITORY_RIG_H_
#define PREDICTD_TESTS_UNIT_REPOSITORY_RIG_H_

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "server/async/scope.h"
#include "server/base/status.h"
#include "server/model/zip_check.h"
#include "server/repository/repository.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/model_folder.h"

namespace predictd::repository {

// One feature, one output: the feature plus a constant.
class AddModel : public model::Model {
 public:
  AddModel(float addend, std::atomic<int>& alive) : addend_(addend), alive_(alive) {
    signature_.add_inputs()->set_name("x");
    signature_.add_outputs()->set_name("y");
    v1::Feature& feature = *signature_.add_features();
    feature.set_name("f");
    feature.set_default_value(1);
    ++alive_;
  }
  ~AddModel() override { --alive_; }

  const v1::Signature& signature() const override { return signature_; }
  const std::vector<TensorLayout>& inputs() const override { return tensors_; }
  const std::vector<TensorLayout>& outputs() const override { return tensors_; }
  absl::Status Run(int rows, const char* const* inputs, char* const* all_outputs) const override {
    const float* features = reinterpret_cast<const float*>(inputs[0]);
    float* outputs = reinterpret_cast<float*>(all_outputs[0]);
    for (int i = 0; i < rows; ++i) outputs[i] = features[i] + addend_;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<TensorValue>> RunShapes(absl::Span<const TensorView>) const override {
    return absl::UnimplementedError("its tensors are fixed");
  }

  v1::Signature& mutable_signature() { return signature_; }
  void SetColumns(int columns) {
    tensors_[0].shape = {-1, columns};
    tensors_[0].elements_per_row = columns;
  }

 private:
  const float addend_;
  std::atomic<int>& alive_;
  v1::Signature signature_;
  std::vector<TensorLayout> tensors_ = {{.name = "x", .shape = {-1, 1}, .elements_per_row = 1}};
};

// A repository over a temporary folder that looks when told. Versions load what their
// signature.json says: "fail: REASON", "golden" (a case that does not hold), "output: NAME"
// (instead of y), "columns: NUMBER" (instead of 1), or anything else.
class Rig {
 public:
  Rig() : catalog_("") { Restart(); }

  void Restart(absl::Duration poll = absl::Seconds(1)) {
    RepositoryOptions options;
    options.poll = poll;
    options.directory = folder.path();
    options.load = [this](const std::string& directory, Pace pace,
                          const std::atomic<bool>& stopping) {
      paces.push_back(pace);
      while (hang && !stopping) absl::SleepFor(absl::Milliseconds(1));
      auto loaded = Load(directory, stopping);
      if (while_loading) while_loading();
      return loaded;
    };
    options.warm_up = [this](const VersionHandle& version, const std::atomic<bool>&) {
      ++warmed;
      state_while_warming = StateOf(version->model, version->version);
      return absl::OkStatus();
    };
    options.release_memory = [this](const std::atomic<bool>&) { ++released; };
    repository = std::make_unique<Repository>(std::move(options), catalog_, clock_, metrics);
  }

  // Far enough that files are no longer young.
  void Settle() { clock_.Advance(absl::Seconds(3)); }

  bool Poll() { return repository->Poll(); }

  std::string StateOf(const std::string& model, const std::string& version) {
    const auto snapshot = catalog_.snapshot();
    const auto it = snapshot->models.find(model);
    if (it == snapshot->models.end()) return "no model";
    for (const VersionInfo& info : it->second.versions) {
      if (info.version != version) continue;
      return std::string(StateName(info.state)) + (info.reason.empty() ? "" : ": " + info.reason);
    }
    return "no version";
  }

  VersionInfo Info(const std::string& model, const std::string& version) {
    const auto snapshot = catalog_.snapshot();
    for (const VersionInfo& info : snapshot->models.at(model).versions) {
      if (info.version == version) return info;
    }
    throw std::out_of_range(version);
  }

  std::string Serving(const std::string& model = "") {
    const auto found = catalog_.Find(model, "");
    return found.ok() ? (*found)->version : std::string(found.status().message());
  }

  ModelFolder folder;
  Metrics metrics;
  std::atomic<int> alive{0};
  bool hang = false;  // loads wait until they are to be given up
  std::function<void()> while_loading;
  int warmed = 0;
  std::vector<Pace> paces;  // of the loads
  int released = 0;
  std::string state_while_warming;
  FakeClock clock_;
  Catalog catalog_;
  std::unique_ptr<Repository> repository;

 private:
  absl::StatusOr<std::unique_ptr<model::Model>> Load(const std::string& directory,
                                                     const std::atomic<bool>& stopping) {
    PREDICTD_RETURN_IF_ERROR(model::CheckZip(directory + "/model.pt", Pace::kFast, stopping));
    std::ifstream file(directory + "/signature.json");
    std::stringstream content;
    content << file.rdbuf();
    if (absl::StartsWith(content.str(), "fail: ")) {
      return absl::FailedPreconditionError(content.str().substr(6));
    }
    auto model = std::make_unique<AddModel>(1.0F, alive);
    if (absl::StartsWith(content.str(), "output: ")) {
      model->mutable_signature().mutable_outputs(0)->set_name(content.str().substr(8));
    }
    if (absl::StartsWith(content.str(), "columns: ")) {
      model->SetColumns(std::stoi(content.str().substr(9)));
    }
    if (content.str() == "golden") {
      v1::GoldenCase& golden = *model->mutable_signature().add_golden();
      golden.add_features(1);
      golden.add_outputs(5);
    }
    return model;
  }
};

// Runs an admin call to its end, polling as the thread would.
inline absl::StatusOr<AdminResult> Call(Rig& rig, Task<absl::StatusOr<AdminResult>> task,
                                        ManualLoop& loop) {
  std::optional<absl::StatusOr<AdminResult>> result;
  Scope scope;
  auto run = [&](Task<absl::StatusOr<AdminResult>> call) -> Task<void> {
    result = co_await std::move(call);
  };
  scope.Spawn(run(std::move(task)));
  while (!result) {
    rig.Poll();
    loop.RunUntilIdle();
  }
  return *result;
}

}  // namespace predictd::repository

#endif  // PREDICTD_TESTS_UNIT_REPOSITORY_RIG_H_
