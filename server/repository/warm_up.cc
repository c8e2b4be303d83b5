#include "server/repository/warm_up.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/base/status.h"
#include "server/batching/padded_size.h"
#include "server/model/signature.h"

namespace predictd::repository {
namespace {

// The first runs of a shape allocate and build kernels; after three they are steady.
constexpr int kRunsPerSize = 3;

// `rows` rows the model can live with: its golden cases, else its defaults.
std::vector<float> SampleRows(const Version& version, int rows) {
  const v1::Signature& signature = version.runnable->signature();
  std::vector<float> sample;
  sample.reserve(rows * version.defaults.size());
  for (int row = 0; row < rows; ++row) {
    if (signature.golden_size() > 0) {
      const auto& features = signature.golden(row % signature.golden_size()).features();
      sample.insert(sample.end(), features.begin(), features.end());
    } else {
      for (const float value : version.defaults) {
        sample.push_back(std::isnan(value) ? 0 : value);
      }
    }
  }
  return sample;
}

// Runs one size once; `best` gets its time where that is shorter.
absl::Status RunOnce(const Version& version, int rows, const Clock& clock, absl::Duration& best) {
  const std::vector<float> features = SampleRows(version, rows);
  std::vector<float> outputs(rows * version.runnable->outputs_per_row());
  const absl::Time start = clock.Now();
  PREDICTD_RETURN_IF_ERROR(version.lane->function()(rows, features.data(), outputs.data()));
  best = std::min(best, clock.Now() - start);
  return absl::OkStatus();
}

// Runs one size until it is steady and records the best time.
absl::Status WarmSize(const Version& version, int rows, const Clock& clock) {
  absl::Duration best = absl::InfiniteDuration();
  for (int run = 0; run < kRunsPerSize; ++run) {
    PREDICTD_RETURN_IF_ERROR(RunOnce(version, rows, clock, best));
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
      WarmSize(*version_, sizes_[next_++], loop_.clock()).IgnoreError();
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
  std::vector<float> outputs(version.runnable->outputs_per_row());
  for (int i = 0; i < signature.golden_size(); ++i) {
    const v1::GoldenCase& golden = signature.golden(i);
    if (golden.outputs_size() != static_cast<int>(outputs.size())) {
      return absl::FailedPreconditionError(
          absl::StrCat("golden case ", i, " has ", golden.outputs_size(),
                       " outputs; the model gives ", outputs.size()));
    }
    const absl::Status run = version.runnable->Run(1, golden.features().data(), outputs.data());
    if (!run.ok()) {
      return absl::FailedPreconditionError(absl::StrCat("golden case ", i, ": ", run.message()));
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

WarmUp::WarmUp(batching::WorkerPool& pool, std::vector<Loop*> loops, absl::Duration inline_budget,
               const Clock& clock)
    : pool_(pool), loops_(std::move(loops)), inline_budget_(inline_budget), clock_(clock) {}

absl::Status WarmUp::Run(const VersionHandle& version, const std::atomic<bool>& stopping) {
  if (version->lane == nullptr) return absl::OkStatus();
  const absl::Status warmed = OnWorkers(*version, stopping);
  if (!warmed.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the model fails on a row of its ",
        version->runnable->signature().golden_size() > 0 ? "golden cases: " : "defaults: ",
        warmed.message()));
  }
  OnLoops(version, stopping);
  return absl::OkStatus();
}

absl::Status WarmUp::OnWorkers(const Version& version, const std::atomic<bool>& stopping) {
  Mutex mutex;
  absl::Status first_error;
  for (const int size : batching::PaddedSizes(version.lane->options().max_batch)) {
    absl::Duration best = absl::InfiniteDuration();  // of all workers
    // One run per task: live batches come in between, so that none waits for more than one.
    for (int run = 0; run < kRunsPerSize && !stopping; ++run) {
      pool_.RunOnEachWorker([&] {
        absl::Duration took = absl::InfiniteDuration();
        const absl::Status status = RunOnce(version, size, clock_, took);
        MutexLock lock(mutex);
        first_error.Update(status);
        best = std::min(best, took);
      });
      MutexLock lock(mutex);
      if (!first_error.ok()) return first_error;
    }
    if (stopping) break;
    version.lane->RecordRunTime(size, best);
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
