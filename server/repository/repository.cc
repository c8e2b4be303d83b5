#include "server/repository/repository.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/batching/lane.h"
#include "server/repository/warm_up.h"
#include "server/repository/zip_check.h"

namespace predictd::repository {
namespace {

// How soon the next look comes while something is unfinished.
constexpr absl::Duration kSoon = absl::Milliseconds(50);
// Files younger than this may be half-copied: what is wrong with them is not held against them yet.
constexpr absl::Duration kSettled = absl::Seconds(2);
// Nice value of the thread, so that live requests keep the CPU while a model loads.
constexpr int kNice = 10;

// Features of all serving versions, each name once.
std::shared_ptr<const Schema> UnionOfFeatures(
    const std::map<std::string, ModelInfo, std::less<>>& models) {
  std::vector<std::string> names;
  for (const auto& [name, info] : models) {
    for (const VersionInfo& version : info.versions) {
      if (version.handle == nullptr) continue;
      for (const std::string& feature : version.handle->features->names()) {
        if (std::find(names.begin(), names.end(), feature) == names.end()) {
          names.push_back(feature);
        }
      }
    }
  }
  return std::make_shared<Schema>(std::move(names));
}

}  // namespace

// An admin call that waits in its coroutine's frame.
struct Repository::Request : Resumption {
  enum class Kind { kLoad, kUnload };
  Kind kind;
  std::string model;
  std::string version;
  Loop& home;
  absl::StatusOr<AdminResult> result = absl::UnavailableError("shutting down");

  Request(Kind request_kind, Loop& loop, std::string model_name, std::string version_name)
      : kind(request_kind),
        model(std::move(model_name)),
        version(std::move(version_name)),
        home(loop) {}
  using Resumption::WaitAs;
};

struct Repository::RequestAwaiter {
  Repository& repository;
  Request& request;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    request.WaitAs(waiting);
    {
      // Under the lock under which the thread answers what is left at its end.
      MutexLock lock(repository.mutex_);
      if (repository.stopping_) return false;
      repository.requests_.push_back(&request);
    }
    repository.wake_.NotifyAll();
    return true;
  }
  absl::StatusOr<AdminResult> await_resume() { return std::move(request.result); }
};

Repository::Repository(RepositoryOptions options, Catalog& catalog, const Clock& clock,
                       Metrics& metrics)
    : options_(std::move(options)), catalog_(catalog), clock_(clock), metrics_(metrics) {}

Repository::~Repository() { Stop(absl::InfiniteDuration()); }

void Repository::Start() {
  {
    MutexLock lock(mutex_);
    ended_ = false;
  }
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "repository");
}

bool Repository::Stop(absl::Duration longest) {
  stopping_ = true;
  const absl::Time give_up = clock_.Now() + longest;
  {
    MutexLock lock(mutex_);
    wake_.NotifyAll();
    while (!ended_) {
      const absl::Duration left = give_up - clock_.Now();
      if (left <= absl::ZeroDuration()) return false;
      wake_.WaitFor(mutex_, std::min(left, absl::Seconds(1)));
    }
  }
  if (thread_.joinable()) thread_.join();
  return true;
}

void Repository::Run() {
  setpriority(PRIO_PROCESS, 0, kNice);  // of this thread, on Linux
  while (!stopping_) {
    const bool unfinished = Poll();
    MutexLock lock(mutex_);
    if (!requests_.empty() || stopping_) continue;
    if (unfinished) {
      wake_.WaitFor(mutex_, kSoon);
    } else if (options_.poll > absl::ZeroDuration()) {
      wake_.WaitFor(mutex_, options_.poll);
    } else {
      wake_.Wait(mutex_);
    }
  }
  MutexLock lock(mutex_);
  for (Request* request : requests_) request->home.Post(*request);
  requests_.clear();
  ended_ = true;
  wake_.NotifyAll();
}

bool Repository::Poll() {
  while (true) {
    Request* request = nullptr;
    {
      MutexLock lock(mutex_);
      if (!requests_.empty()) {
        request = requests_.front();
        requests_.pop_front();
      }
    }
    if (request == nullptr) break;
    Scan();
    Answer(*request);
  }
  Scan();
  LoadPending();
  const bool retiring = ReapRetired();
  bool pending = false;
  for (const auto& [name, model] : models_) {
    for (const auto& [number, entry] : model.versions) pending |= entry.pending;
  }
  return retiring || pending;
}

void Repository::Scan() {
  auto found = ScanRepository(options_.directory);
  const std::string error(found.ok() ? "" : found.status().message());
  if (error != scan_error_) {
    scan_error_ = error;
    if (found.ok()) {
      Log(LogLevel::kInfo, "model repository can be read again",
          {{"models", options_.directory}});
    } else {
      Log(LogLevel::kError, "model repository cannot be read", {{"error", error}});
    }
  }
  if (!found.ok()) return;

  bool anything_changed = !catalog_.snapshot()->scanned;
  for (auto& [name, files] : *found) {
    anything_changed |= models_.count(name) == 0;
    Model& model = models_[name];
    model.config_path = files.config_path;
    for (auto& [number, version_files] : files.versions) {
      Entry& entry = model.versions[number];
      const bool changed = entry.files.fingerprint != version_files.fingerprint;
      entry.files = std::move(version_files);
      if (!changed) continue;
      anything_changed = true;
      entry.seen_at = clock_.Now();
      entry.pending = true;
      entry.held = false;
      if (entry.handle == nullptr) entry.state = State::kLoading;
    }
  }
  for (auto model = models_.begin(); model != models_.end();) {
    const auto on_disk = found->find(model->first);
    auto& versions = model->second.versions;
    for (auto it = versions.begin(); it != versions.end();) {
      if (on_disk != found->end() && on_disk->second.versions.count(it->first) > 0) {
        ++it;
        continue;
      }
      Log(LogLevel::kInfo, "model version is gone from disk",
          {{"model", model->first}, {"version", it->first}});
      Retire(model->first, it->first, it->second);
      metrics_.ForgetModelVersion(model->first, absl::StrCat(it->first));
      it = versions.erase(it);
      anything_changed = true;
    }
    anything_changed |= on_disk == found->end();
    model = on_disk == found->end() ? models_.erase(model) : std::next(model);
  }
  if (anything_changed) Publish();
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
      if (entry.pending) order.emplace_back(name, number);
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
  entry.fingerprint = entry.files.fingerprint;
  if (entry.handle == nullptr) entry.state = State::kLoading;
  Publish();

  absl::StatusOr<VersionHandle> version = MakeVersion(name, model, number, entry);
  if (stopping_) return;
  // Files that changed while they were read: what was loaded may be half of each.
  const auto now = ScanRepository(options_.directory);
  const bool same = now.ok() && now->count(name) > 0 && now->at(name).versions.count(number) > 0 &&
                    now->at(name).versions.at(number).fingerprint == entry.fingerprint;
  // By both clocks: a file's time may lie in the future.
  const bool young = clock_.WallNow() - entry.files.changed_at < kSettled &&
                     clock_.Now() - entry.seen_at < kSettled;
  if (!final_try && (!same || (!version.ok() && young))) {
    const absl::string_view so_far =
        version.ok() ? absl::string_view("they are being changed") : version.status().message();
    entry.reason = absl::StrCat("waiting for its files to be complete: ", so_far);
    if (entry.handle == nullptr) entry.state = State::kLoading;
    Publish();
    return;
  }
  entry.pending = false;
  ModelMetrics& numbers = metrics_.ForModel(name);
  numbers.load_duration.Observe(absl::ToDoubleSeconds(clock_.Now() - start));
  if (!version.ok()) {
    Fail(name, number, entry, version.status());
    return;
  }
  Retire(name, number, entry);
  entry.state = State::kReady;
  entry.reason.clear();
  entry.loaded_at = clock_.WallNow();
  entry.signature =
      std::make_shared<const v1::Signature>((*version)->runnable->signature());
  entry.handle = *std::move(version);
  numbers.loads_ok.Increment();
  metrics_.SetModelReady(name, absl::StrCat(number), true);
  Publish();
  Log(LogLevel::kInfo, "model version is ready",
      {{"model", name}, {"version", number}, {"took", clock_.Now() - start}});
}

absl::StatusOr<VersionHandle> Repository::MakeVersion(const std::string& name, Model& model,
                                                      int64_t number, Entry& entry) {
  const std::string model_file = entry.files.directory + "/model.pt";
  PREDICTD_RETURN_IF_ERROR(CheckZipComplete(model_file));
  const auto settings = ReadModelSettings(model.config_path, options_.settings);
  if (!settings.ok()) return settings.status();
  auto loaded = options_.load(entry.files.directory);
  if (!loaded.ok()) return loaded.status();

  auto version = std::make_shared<Version>();
  version->model = name;
  version->version = absl::StrCat(number);
  version->serial = next_serial_++;
  version->defaults_when_unreachable = settings->defaults_when_unreachable;
  version->runnable = *std::move(loaded);
  const v1::Signature& signature = version->runnable->signature();
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
  if (signature.features_size() > 0) {
    const model::Model* runnable = version->runnable.get();
    version->lane = std::make_unique<batching::Lane>(
        batching::LaneOptions{.model = name,
                              .version = version->version,
                              .features_per_row = signature.features_size(),
                              .outputs_per_row = runnable->outputs_per_row(),
                              .max_batch = settings->max_batch,
                              .batch_delay = settings->batch_delay},
        [runnable](int rows, const float* features, float* outputs) {
          return runnable->Run(rows, features, outputs);
        },
        model.queue_limit, numbers);
  }
  if (entry.handle == nullptr) entry.state = State::kWarming;
  Publish();
  PREDICTD_RETURN_IF_ERROR(CheckGoldenCases(*version));
  PREDICTD_RETURN_IF_ERROR(options_.warm_up(version, stopping_));
  return version;
}

void Repository::Fail(const std::string& name, int64_t number, Entry& entry,
                      const absl::Status& why) {
  metrics_.ForModel(name).loads_failed.Increment();
  entry.reason = std::string(why.message());
  if (entry.handle == nullptr) {
    entry.state = State::kFailed;
    metrics_.SetModelReady(name, absl::StrCat(number), false);
  } else {
    // The files that were loaded before still serve.
    entry.reason = absl::StrCat("its files changed and cannot be loaded, the earlier ones serve: ",
                                entry.reason);
  }
  Publish();
  Log(LogLevel::kError, "model version failed",
      {{"model", name}, {"version", number}, {"reason", entry.reason}});
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
  options_.release_memory();
  for (auto& [name, model] : models_) {
    for (auto& [number, entry] : model.versions) {
      const bool in_use = std::any_of(
          retiring_.begin(), retiring_.end(), [&, number = number, name = name](const Retiring& old) {
            return old.model == name && old.version == number;
          });
      if (entry.state == State::kUnloading && !in_use) entry.state = State::kUnloaded;
    }
  }
  Publish();
  return !retiring_.empty();
}

void Repository::Answer(Request& request) {
  request.result = Execute(request);
  request.home.Post(request);
}

absl::StatusOr<AdminResult> Repository::Execute(const Request& request) {
  const auto model = models_.find(request.model);
  if (model == models_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "unknown model '", request.model, "'; known are: ",
        models_.empty() ? "none"
                        : absl::StrJoin(models_, ", ", [](std::string* out, const auto& known) {
                            absl::StrAppend(out, "'", known.first, "'");
                          })));
  }
  auto& versions = model->second.versions;
  auto chosen = std::find_if(versions.begin(), versions.end(), [&](const auto& version) {
    return request.version.empty() || absl::StrCat(version.first) == request.version;
  });
  if (chosen == versions.end()) {
    return absl::NotFoundError(absl::StrCat(
        "model '", request.model, "' has no version ",
        request.version.empty() ? "at all" : request.version, " in ", options_.directory));
  }
  AdminResult result{request.model, {}};
  if (request.kind == Request::Kind::kLoad) {
    auto& [number, entry] = *chosen;
    entry.held = false;
    if (entry.handle == nullptr || entry.pending) {
      LoadOne(request.model, model->second, number, /*final_try=*/true);
    }
    if (entry.handle == nullptr) return absl::FailedPreconditionError(entry.reason);
    result.versions.push_back(Info(number, entry));
    return result;
  }
  for (auto& [number, entry] : versions) {
    if (!request.version.empty() && number != chosen->first) continue;
    entry.held = true;
    entry.pending = false;
    entry.state = entry.handle == nullptr ? State::kUnloaded : State::kUnloading;
    entry.reason = "unloaded by request";
    metrics_.SetModelReady(request.model, absl::StrCat(number), false);
    Retire(request.model, number, entry);
  }
  Publish();
  ReapRetired();
  for (auto& [number, entry] : versions) {
    if (entry.held && (request.version.empty() || number == chosen->first)) {
      result.versions.push_back(Info(number, entry));
    }
  }
  return result;
}

VersionInfo Repository::Info(int64_t number, const Entry& entry) const {
  return {absl::StrCat(number), entry.state,     entry.reason,
          entry.loaded_at,      entry.signature, entry.handle};
}

void Repository::Publish() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->scanned = true;
  for (const auto& [name, model] : models_) {
    ModelInfo info;
    for (const auto& [number, entry] : model.versions) {
      info.versions.push_back(Info(number, entry));
    }
    snapshot->models.emplace(name, std::move(info));
  }
  snapshot->features = UnionOfFeatures(snapshot->models);
  catalog_.Publish(std::move(snapshot));
}

Task<absl::StatusOr<AdminResult>> Repository::Load(Loop& loop, std::string model,
                                                   std::string version) {
  Request request(Request::Kind::kLoad, loop, std::move(model), std::move(version));
  RequestAwaiter answer{*this, request};
  co_return co_await answer;
}

Task<absl::StatusOr<AdminResult>> Repository::Unload(Loop& loop, std::string model,
                                                     std::string version) {
  Request request(Request::Kind::kUnload, loop, std::move(model), std::move(version));
  RequestAwaiter answer{*this, request};
  co_return co_await answer;
}

}  // namespace predictd::repository
