// The part of Repository that turns files into serving versions, and versions into free memory.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/batching/lane.h"
#include "server/repository/repository.h"
#include "server/repository/signature_change.h"
#include "server/repository/warm_up.h"

namespace predictd::repository {
namespace {

// Files younger than this may be half-copied: what is wrong with them is not held against them yet.
constexpr absl::Duration kSettled = absl::Seconds(2);

// Every thread that runs a model keeps memory for its largest batch.
constexpr size_t kMostBatchBytes = size_t{1} << 30;

absl::Status CheckBatchFits(const batching::LaneOptions& lane) {
  if (lane.whole_requests) return absl::OkStatus();
  size_t row = 0;
  for (const TensorLayout& tensor : lane.inputs) row += tensor.bytes_per_row();
  for (const TensorLayout& tensor : lane.outputs) row += tensor.bytes_per_row();
  if (row <= kMostBatchBytes / lane.max_batch) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("a batch of ", lane.max_batch, " rows of ", row,
                   " bytes takes more than 1 GiB: lower max_batch in config.json, or --max_batch"));
}

}  // namespace

bool Repository::Hidden(const std::string& name, int64_t number, const Entry& entry) const {
  return entry.pending && entry.files.problem.empty() && !unreadable_.Why(name, number).empty();
}

void Repository::LoadPending() {
  // The newest version of each model first, then the next one of each: every model serves soonest.
  std::vector<std::pair<std::string, int64_t>> order;
  size_t deepest = 0;
  for (const auto& [name, model] : models_) deepest = std::max(deepest, model.versions.size());
  for (size_t depth = 0; depth < deepest; ++depth) {
    for (const auto& [name, model] : models_) {
      if (depth >= model.versions.size()) continue;
      const auto& [number, entry] = *std::next(model.versions.begin(), depth);
      // What failed on young files is tried again when they change, or when they are old.
      const bool waits =
          entry.tried && (Young(entry.files.changed_at, entry.seen_at) || !model.config.settled);
      if (entry.pending && !waits && !Hidden(name, number, entry)) order.emplace_back(name, number);
    }
  }
  for (const auto& [name, number] : order) {
    if (stopping_) return;
    LoadOne(name, models_[name], number, /*final_try=*/false);
  }
}

void Repository::LoadOne(const std::string& name, Model& model, int64_t number, bool final_try) {
  Entry& entry = model.versions.at(number);
  const absl::Time start = clock_.Now();
  absl::StatusOr<VersionHandle> version = Attempt(name, model, number, entry);
  // Files that changed while they were read: what was loaded may be half of each.
  std::optional<VersionFiles> now = ScanVersion(options_.directory, name, number);
  const auto same = [&] { return now && now->fingerprint == entry.fingerprint; };
  if (final_try && now && !same() && !stopping_) {
    version = absl::AbortedError("its files changed");  // its memory goes before more is taken
    entry.files = *std::move(now);
    entry.seen_at = clock_.Now();
    version = Attempt(name, model, number, entry);
    now = ScanVersion(options_.directory, name, number);
  }
  release_due_ |= !version.ok() || !same();
  if (stopping_) return;
  const bool young = Young(entry.files.changed_at, entry.seen_at) || !model.config.settled;
  if (!same() || (!version.ok() && young && !final_try)) {
    const absl::string_view so_far =
        version.ok() ? absl::string_view("they are being changed") : version.status().message();
    entry.pending = true;
    entry.tried = true;
    entry.reason = absl::StrCat("waiting for its files to be complete: ", so_far);
    if (entry.handle == nullptr) entry.state = State::kLoading;
    Publish();
    return;
  }
  entry.pending = false;
  entry.tried = false;
  ModelMetrics& numbers = metrics_.ForModel(name);
  numbers.load_duration.Observe(absl::ToDoubleSeconds(clock_.Now() - start));
  if (!version.ok()) {
    Fail(name, number, entry, version.status());
    return;
  }
  Retire(name, number, entry);
  entry.state = State::kReady;
  entry.failed = false;
  entry.reason.clear();
  entry.loaded_with = *model.settings;
  entry.loaded_at = clock_.WallNow();
  entry.signature = std::make_shared<const v1::Signature>((*version)->runnable->signature());
  entry.handle = *std::move(version);
  numbers.loads_ok.Increment();
  metrics_.SetModelReady(name, absl::StrCat(number), true);
  Log(LogLevel::kInfo, "model version is ready",
      {{"model", name}, {"version", number}, {"took", clock_.Now() - start}});
  Publish();
}

absl::StatusOr<VersionHandle> Repository::Attempt(const std::string& name, Model& model,
                                                  int64_t number, Entry& entry) {
  entry.fingerprint = entry.files.fingerprint;
  if (entry.handle == nullptr) entry.state = State::kLoading;
  Publish();
  return MakeVersion(name, model, number, entry);
}

absl::StatusOr<VersionHandle> Repository::MakeVersion(const std::string& name, Model& model,
                                                      int64_t number, Entry& entry) {
  if (!entry.files.problem.empty()) return absl::FailedPreconditionError(entry.files.problem);
  const auto settings = Settings(model);
  if (!settings.ok()) return settings.status();
  auto loaded =
      options_.load(entry.files.directory, was_ready_ ? Pace::kGentle : Pace::kFast, stopping_);
  if (!loaded.ok()) return loaded.status();

  auto version = std::make_shared<Version>();
  version->model = name;
  version->version = absl::StrCat(number);
  version->serial = next_serial_++;
  version->outcomes.OnFailing([this] { Nudge(); });
  version->defaults_when_unreachable = settings->defaults_when_unreachable;
  version->refuse_missing_features = settings->refuse_missing_features;
  version->runnable = *std::move(loaded);
  const v1::Signature& signature = version->runnable->signature();
  PREDICTD_RETURN_IF_ERROR(CheckPromotion(model, number, signature, entry));
  std::vector<std::string> names;
  for (const v1::Feature& feature : signature.features()) {
    names.push_back(feature.name());
    version->defaults.push_back(feature.has_default_value()
                                    ? feature.default_value()
                                    : std::numeric_limits<float>::quiet_NaN());
  }
  version->features = std::make_shared<Schema>(std::move(names));

  ModelMetrics& numbers = metrics_.ForModel(name);
  if (model.queue_limit == nullptr) {
    model.queue_limit =
        std::make_shared<batching::QueueLimit>(settings->max_queue, numbers.queue_rows);
  }
  model.queue_limit->set_limit(settings->max_queue);
  const model::Model* runnable = version->runnable.get();
  const bool whole_requests = !AllFixed(runnable->inputs());
  version->lane = std::make_unique<batching::Lane>(
      batching::LaneOptions{.model = name,
                            .version = version->version,
                            .inputs = runnable->inputs(),
                            .outputs = runnable->outputs(),
                            .whole_requests = whole_requests,
                            .max_batch = settings->max_batch,
                            .batch_delay = settings->batch_delay,
                            .max_workers = settings->max_workers},
      [runnable](int rows, const char* const* inputs, char* const* outputs) {
        return runnable->Run(rows, inputs, outputs);
      },
      model.queue_limit, numbers);
  PREDICTD_RETURN_IF_ERROR(CheckBatchFits(version->lane->options()));
  if (entry.handle == nullptr) entry.state = State::kWarming;
  Publish();
  PREDICTD_RETURN_IF_ERROR(CheckGoldenCases(*version));
  PREDICTD_RETURN_IF_ERROR(options_.warm_up(version, stopping_));
  return version;
}

absl::Status Repository::CheckPromotion(const Model& model, int64_t number,
                                        const v1::Signature& signature, Entry& entry) const {
  entry.conflicts_with = 0;
  const auto serving =
      std::find_if(model.versions.begin(), model.versions.end(), [&](const auto& version) {
        return version.second.handle != nullptr && RoleOf(model, version.first) == Role::kNone;
      });
  // An older one takes nobody's place.
  if (serving == model.versions.end() || number < serving->first) return absl::OkStatus();
  const absl::Status check = CheckReplaces(*serving->second.signature, signature);
  if (check.ok()) return check;
  entry.conflicts_with = serving->first;
  return absl::FailedPreconditionError(absl::StrCat(
      "its signature is not compatible with that of version ", serving->first,
      ", which it would replace: ", check.message(),
      "; give it a model name of its own, or unload version ", serving->first, " and load it"));
}

bool Repository::Young(absl::Time changed_at, absl::Time seen_at) const {
  // By both clocks: a file's time may lie in the future.
  return clock_.WallNow() - changed_at < kSettled && clock_.Now() - seen_at < kSettled;
}

void Repository::Fail(const std::string& name, int64_t number, Entry& entry,
                      const absl::Status& why) {
  metrics_.ForModel(name).loads_failed.Increment();
  entry.failed = true;
  entry.reason = std::string(why.message());
  if (entry.handle == nullptr) {
    entry.state = State::kFailed;
    metrics_.SetModelReady(name, absl::StrCat(number), false);
  } else {
    // The files that were loaded before still serve.
    entry.reason = absl::StrCat("its files changed and cannot be loaded, the earlier ones serve: ",
                                entry.reason);
  }
  Log(LogLevel::kError, "model version failed",
      {{"model", name}, {"version", number}, {"reason", entry.reason}});
  Publish();
}

void Repository::Retire(const std::string& name, int64_t number, Entry& entry) {
  if (entry.handle == nullptr) return;
  retiring_.push_back({name, number, std::exchange(entry.handle, nullptr)});
}

bool Repository::ReapRetired() {
  // The published snapshot no longer has these, so a count of one is this list's and stays one.
  const size_t before = retiring_.size();
  std::erase_if(retiring_, [](const Retiring& old) { return old.handle.use_count() == 1; });
  if (retiring_.size() == before) return before > 0;
  for (auto& [name, model] : models_) {
    for (auto& [number, entry] : model.versions) {
      const bool in_use = std::any_of(retiring_.begin(), retiring_.end(),
                                      [&, number = number, name = name](const Retiring& old) {
                                        return old.model == name && old.version == number;
                                      });
      if (entry.state != State::kUnloading || in_use) continue;
      entry.state = State::kUnloaded;
      Log(LogLevel::kInfo, "model version is unloaded",
          {{"model", name}, {"version", number}, {"reason", entry.reason}});
    }
  }
  Publish();
  release_due_ = true;
  return !retiring_.empty();
}

}  // namespace predictd::repository
