#include "server/repository/warm_up.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/base/status.h"
#include "server/base/thread.h"
#include "server/batching/batch_buffer.h"
#include "server/batching/padded_size.h"
#include "server/model/signature.h"

namespace predictd::repository {
namespace {

// The first runs of a shape allocate and build kernels; after three they are steady.
constexpr int kRunsPerSize = 3;

// Workers do not warm up sizes whose runs take longer. What libtorch builds for a size it builds
// once for the process; the first run on another thread was measured to take up to 0.2 ms more than
// later ones, whatever the size. And a worker has no low priority to run it at.
constexpr absl::Duration kHeavyRun = absl::Milliseconds(2);

// The features of a row the model can live with: a golden case, else its defaults.
std::vector<float> SampleFeatures(const Version& version, int row) {
  const v1::Signature& signature = version.runnable->signature();
  if (signature.golden_size() > 0) {
    const auto& features = signature.golden(row % signature.golden_size()).features();
    return {features.begin(), features.end()};
  }
  std::vector<float> sample = version.defaults;
  for (float& value : sample) value = std::isnan(value) ? 0 : value;
  return sample;
}

// A batch for a model whose tensors are fixed.
struct Batch {
  Batch(const Version& version, int rows) {
    const batching::LaneOptions& lane = version.lane->options();
    inputs.Shape(lane.inputs, rows);
    outputs.Shape(lane.outputs, rows);
    for (size_t i = 0; i < lane.inputs.size(); ++i) {
      std::memset(inputs.tensors()[i], 0, rows * lane.inputs[i].bytes_per_row());
    }
    if (version.defaults.empty()) return;
    const TensorLayout& features = lane.inputs.front();
    for (int row = 0; row < rows; ++row) {
      FromFloats(SampleFeatures(version, row), features.datatype,
                 inputs.tensors().front() + row * features.bytes_per_row());
    }
  }

  batching::BatchBuffer inputs;
  batching::BatchBuffer outputs;
};

absl::StatusOr<Batch> MakeBatch(const Version& version, int rows) {
  try {
    return Batch(version, rows);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there is no memory for a batch of ", rows, " rows; lower max_batch"));
  }
}

// The first row's outputs of all tensors.
std::vector<float> FirstOutputs(const Version& version, const Batch& batch) {
  std::vector<float> values;
  const std::vector<TensorLayout>& outputs = version.lane->options().outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const size_t before = values.size();
    values.resize(before + outputs[i].elements_per_row);
    ToFloats(batch.outputs.tensors()[i], outputs[i].datatype,
             absl::MakeSpan(values).subspan(before));
  }
  return values;
}

// Runs one size once and returns the CPU time it took.
absl::StatusOr<absl::Duration> RunOnce(const Version& version, int rows) {
  const absl::StatusOr<Batch> batch = MakeBatch(version, rows);
  if (!batch.ok()) return batch.status();
  const absl::Duration start = ThreadCpuTime();
  PREDICTD_RETURN_IF_ERROR(version.lane->function()(rows, batch->inputs.tensors().data(),
                                                    batch->outputs.tensors().data()));
  return ThreadCpuTime() - start;
}

// Runs one size until it is steady and records the best time.
absl::Status WarmSize(const Version& version, int rows) {
  absl::Duration best = absl::InfiniteDuration();
  for (int run = 0; run < kRunsPerSize; ++run) {
    const absl::StatusOr<absl::Duration> took = RunOnce(version, rows);
    PREDICTD_RETURN_IF_ERROR(took.status());
    best = std::min(best, *took);
  }
  version.lane->RecordRunTime(rows, best);
  return absl::OkStatus();
}

// Warms one loop, one size a turn; shared by the loop and the thread that waits for it, either of
// which may be the last to need it.
class LoopWarmUp final : public Work, public std::enable_shared_from_this<LoopWarmUp> {
 public:
  LoopWarmUp(Loop& loop, VersionHandle version, std::vector<int> sizes)
      : loop_(loop), version_(std::move(version)), sizes_(std::move(sizes)) {}

  void Start() {
    self_ = shared_from_this();
    loop_.Post(*this);
  }

  void Run() override {
    if (next_ < sizes_.size()) {
      // A failure would have shown on the workers; it shows again when a request meets it.
      WarmSize(*version_, sizes_[next_++]).IgnoreError();
      loop_.Post(*this);
      return;
    }
    {
      MutexLock lock(mutex_);
      done_ = true;
    }
    condition_.NotifyAll();
    self_.reset();
  }

  void Wait(const std::atomic<bool>& stopping) {
    MutexLock lock(mutex_);
    while (!done_ && !stopping) condition_.WaitFor(mutex_, absl::Milliseconds(50));
  }

 private:
  Loop& loop_;
  const VersionHandle version_;
  const std::vector<int> sizes_;
  size_t next_ = 0;
  std::shared_ptr<LoopWarmUp> self_;  // while the loop has it
  Mutex mutex_;
  CondVar condition_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::Status CheckGoldenCases(const Version& version) {
  const v1::Signature& signature = version.runnable->signature();
  for (int i = 0; i < signature.golden_size(); ++i) {
    const v1::GoldenCase& golden = signature.golden(i);
    const absl::StatusOr<Batch> batch = MakeBatch(version, 1);
    if (!batch.ok()) return batch.status();
    const TensorLayout& input = version.lane->options().inputs.front();
    FromFloats(golden.features(), input.datatype, batch->inputs.tensors().front());
    const absl::Status run = version.lane->function()(1, batch->inputs.tensors().data(),
                                                      batch->outputs.tensors().data());
    if (!run.ok()) {
      return absl::FailedPreconditionError(absl::StrCat("golden case ", i, ": ", run.message()));
    }
    const std::vector<float> outputs = FirstOutputs(version, *batch);
    if (golden.outputs_size() != static_cast<int>(outputs.size())) {
      return absl::FailedPreconditionError(
          absl::StrCat("golden case ", i, " has ", golden.outputs_size(),
                       " outputs; the model gives ", outputs.size()));
    }
    for (size_t o = 0; o < outputs.size(); ++o) {
      const float expected = golden.outputs(static_cast<int>(o));
      if (std::abs(outputs[o] - expected) <= model::GoldenTolerance(golden)) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("golden case ", i, ": output ", o, " is ", outputs[o], ", expected ",
                       expected, " within ", model::GoldenTolerance(golden)));
    }
  }
  return absl::OkStatus();
}

WarmUp::WarmUp(batching::WorkerPool& pool, std::vector<Loop*> loops, absl::Duration inline_budget)
    : pool_(pool), loops_(std::move(loops)), inline_budget_(inline_budget) {}

absl::Status WarmUp::Run(const VersionHandle& version, const std::atomic<bool>& stopping) {
  // Which shapes will come is not known.
  if (version->lane->options().whole_requests) return absl::OkStatus();
  absl::Status warmed = OnThisThread(*version, stopping);
  if (warmed.ok()) warmed = OnWorkers(*version, stopping);
  if (!warmed.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the model fails on a row of ",
                     version->runnable->signature().golden_size() > 0 ? "its golden cases: "
                     : version->defaults.empty()                      ? "zeros: "
                                                                      : "its defaults: ",
                     warmed.message()));
  }
  OnLoops(version, stopping);
  return absl::OkStatus();
}

absl::Status WarmUp::OnThisThread(const Version& version, const std::atomic<bool>& stopping) {
  for (const int size : batching::PaddedSizes(version.lane->options().max_batch)) {
    if (stopping) break;
    PREDICTD_RETURN_IF_ERROR(WarmSize(version, size));
  }
  return absl::OkStatus();
}

absl::Status WarmUp::OnWorkers(const Version& version, const std::atomic<bool>& stopping) {
  for (const int size : batching::PaddedSizes(version.lane->options().max_batch)) {
    const bool heavy = size > 1 && version.lane->RunTime(size) > kHeavyRun;
    if (stopping || heavy) break;
    absl::Status status;
    pool_.RunOnEachWorker([&] { status.Update(RunOnce(version, size).status()); });
    PREDICTD_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

void WarmUp::OnLoops(const VersionHandle& version, const std::atomic<bool>& stopping) {
  const batching::LaneOptions& options = version->lane->options();
  if (options.batch_delay > absl::ZeroDuration()) return;
  std::vector<int> sizes;
  for (const int size : batching::PaddedSizes(options.max_batch)) {
    if (version->lane->RunTime(size) <= inline_budget_) sizes.push_back(size);
  }
  if (sizes.empty()) return;
  std::vector<std::shared_ptr<LoopWarmUp>> running;
  for (Loop* loop : loops_) {
    running.push_back(std::make_shared<LoopWarmUp>(*loop, version, sizes));
    running.back()->Start();
  }
  for (const auto& warm_up : running) warm_up->Wait(stopping);
}

}  // namespace predictd::repository
