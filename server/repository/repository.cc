#include "server/repository/repository.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/repository/repository_request.h"

namespace predictd::repository {
namespace {

// How soon the next look comes while something is unfinished.
constexpr absl::Duration kSoon = absl::Milliseconds(50);

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

Repository::Repository(RepositoryOptions options, Catalog& catalog, const Clock& clock,
                       Metrics& metrics)
    : options_(std::move(options)),
      catalog_(catalog),
      clock_(clock),
      metrics_(metrics),
      unreadable_(metrics) {}

Repository::~Repository() { Stop(absl::InfiniteDuration()); }

absl::Status Repository::Look() {
  const auto found = ScanRepository(options_.directory);
  if (!found.ok()) return found.status();
  Scan();
  return absl::OkStatus();
}

void Repository::Start() {
  {
    MutexLock lock(mutex_);
    ended_ = false;
  }
  const bool none = std::all_of(models_.begin(), models_.end(),
                                [](const auto& model) { return model.second.versions.empty(); });
  if (none && unreadable_.Models().empty()) {
    Log(LogLevel::kWarning, "the repository has no version of a model yet",
        {{"models", options_.directory},
         {"expected", "MODEL/VERSION/model.pt, such as churn/1/model.pt"}});
  }
  if (options_.poll > absl::ZeroDuration()) {
    watch_ = std::make_unique<FolderWatch>(options_.directory, [this] { Nudge(); });
  }
  thread_ = std::thread([this] { Run(); });
}

bool Repository::Stop(absl::Duration longest) {
  stopping_ = true;
  watch_.reset();
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
  NameThread("repository");
  // So that live requests keep the CPU and the disk while a model loads.
  TakeLowestPriority();
  while (!stopping_) {
    const bool unfinished = Poll();
    MutexLock lock(mutex_);
    if (requests_.empty() && !nudged_ && !stopping_) {
      if (unfinished) {
        wake_.WaitFor(mutex_, kSoon);
      } else if (options_.poll > absl::ZeroDuration()) {
        wake_.WaitFor(mutex_, options_.poll);
      } else {
        wake_.Wait(mutex_);
      }
    }
    nudged_ = false;
  }
  MutexLock lock(mutex_);
  for (Request* request : requests_) request->home.Post(*request);
  requests_.clear();
  ended_ = true;
  wake_.NotifyAll();
}

void Repository::Nudge() {
  MutexLock lock(mutex_);
  nudged_ = true;
  wake_.NotifyAll();
}

bool Repository::Poll() {
  was_ready_ |= catalog_.Ready();
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
  // What was loaded, or failed to, may change which versions are wanted.
  if (ApplySettings()) Publish();
  const bool retiring = ReapRetired();
  misnamed_.Tell();
  bool pending = false;
  for (const auto& [name, model] : models_) {
    pending |= !model.config.settled;
    for (const auto& [number, entry] : model.versions) {
      pending |= entry.pending && !Hidden(name, number, entry);
    }
  }
  // Last: it takes its time, and those who wait for what went before have been answered.
  if (std::exchange(release_due_, false)) options_.release_memory(stopping_);
  return retiring || pending;
}

void Repository::Scan() {
  auto found = ScanRepository(options_.directory);
  bool anything_changed = unreadable_.Update(found);
  if (!found.ok()) {
    if (anything_changed) Publish();
    return;
  }
  misnamed_.Update(*found);
  for (auto& [name, files] : *found) {
    // An empty folder is no model until it has something. Of one that cannot be read nothing new is
    // known.
    if (!files.problem.empty() || (files.empty && models_.count(name) == 0)) continue;
    anything_changed |= models_.count(name) == 0;
    Model& model = models_[name];
    anything_changed |= TakeSettings(name, model, files);
    for (auto& [number, version_files] : files.versions) {
      const auto [known, is_new] = model.versions.try_emplace(number);
      Entry& entry = known->second;
      if (!version_files.problem.empty() && (entry.handle != nullptr || entry.held)) continue;
      const bool changed = is_new || entry.files.fingerprint != version_files.fingerprint;
      entry.files = std::move(version_files);
      if (!changed) continue;
      anything_changed = true;
      entry.seen_at = clock_.Now();
      entry.pending = true;
      entry.tried = false;
      entry.held = false;
      if (entry.handle != nullptr) continue;
      entry.state = State::kLoading;
      // Its series are there before it has finished loading, or has failed to.
      metrics_.ForModel(name);
      metrics_.SetModelReady(name, absl::StrCat(number), false);
    }
  }
  anything_changed |= DropGone(*found);
  anything_changed |= ApplySettings();
  if (anything_changed) Publish();
}

bool Repository::DropGone(const RepositoryFiles& found) {
  bool anything_changed = false;
  for (auto model = models_.begin(); model != models_.end();) {
    const auto on_disk = found.find(model->first);
    if (on_disk != found.end() && !on_disk->second.problem.empty()) {
      ++model;
      continue;
    }
    auto& versions = model->second.versions;
    for (auto it = versions.begin(); it != versions.end();) {
      if (on_disk != found.end() && on_disk->second.versions.count(it->first) > 0) {
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
    for (auto& [number, entry] : versions) {
      // What it would have broken is gone.
      if (entry.conflicts_with == 0 || versions.count(entry.conflicts_with) > 0) continue;
      entry.conflicts_with = 0;
      entry.tried = false;
      entry.pending = !entry.held;
    }
    if (on_disk != found.end()) {
      ++model;
      continue;
    }
    metrics_.traffic.Forget(model->first);
    model = models_.erase(model);
    anything_changed = true;
  }
  return anything_changed;
}

ModelInfo Repository::Describe(const std::string& name, const Model& model) const {
  ModelInfo info;
  if (model.settings) info.policy = model.settings->versions;
  for (const auto& [number, entry] : model.versions) {
    info.versions.push_back(Info(name, model, number, entry));
  }
  Route(model, info);
  return info;
}

void Repository::Publish() {
  auto snapshot = std::make_shared<Snapshot>();
  for (const auto& [name, model] : models_) snapshot->models.emplace(name, Describe(name, model));
  snapshot->unreadable = unreadable_.Models();
  for (const auto& [name, model] : models_) snapshot->unreadable.erase(name);
  snapshot->features = UnionOfFeatures(snapshot->models);
  catalog_.Publish(std::move(snapshot));
}

}  // namespace predictd::repository
