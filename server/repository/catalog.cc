#include "server/repository/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"
#include "server/repository/user_share.h"

namespace predictd::repository {
namespace {

// What a caller of a model that warms up is told to wait.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

absl::Status WarmingUp(absl::string_view model) {
  return WithRetryDelay(absl::UnavailableError(absl::StrCat("model '", model, "' is warming up")),
                        kRetryDelay);
}

std::string ModelNames(const Snapshot& snapshot) {
  if (snapshot.models.empty()) return "none";
  return absl::StrJoin(snapshot.models, ", ", [](std::string* out, const auto& model) {
    absl::StrAppend(out, "'", model.first, "'");
  });
}

absl::Status CannotServe(absl::string_view model, const VersionInfo& version) {
  const std::string message =
      absl::StrCat("model '", model, "' version ", version.version, " is ",
                   StateName(version.state), version.reason.empty() ? "" : ": ", version.reason);
  if (version.state == State::kFailed || version.state == State::kUnloaded ||
      version.state == State::kUnloading) {
    return absl::FailedPreconditionError(message);
  }
  return WithRetryDelay(absl::UnavailableError(message), kRetryDelay);
}

// Why no version of the model serves.
absl::Status NothingServes(absl::string_view model, const ModelInfo& info) {
  const auto still_coming = [](const VersionInfo& version) {
    return version.state == State::kLoading || version.state == State::kWarming;
  };
  if (info.versions.empty()) {
    return absl::NotFoundError(
        absl::StrCat("model '", model, "' has no version; add a folder such as ", model, "/1"));
  }
  if (std::any_of(info.versions.begin(), info.versions.end(), still_coming)) {
    return WarmingUp(model);
  }
  const VersionInfo& newest = info.versions.front();
  if (newest.handle != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("model '", model, "' has no version READY but its shadow, ", newest.version,
                     ": name that one, or take it out of config.json's shadow"));
  }
  return CannotServe(model, newest);
}

}  // namespace

absl::string_view StateName(State state) {
  switch (state) {
    case State::kLoading:
      return "LOADING";
    case State::kWarming:
      return "WARMING";
    case State::kReady:
      return "READY";
    case State::kUnloading:
      return "UNLOADING";
    case State::kFailed:
      return "FAILED";
    case State::kUnloaded:
      return "UNLOADED";
  }
  return "UNSPECIFIED";
}

const VersionInfo* ModelInfo::Serving() const {
  const VersionInfo* last_resort = nullptr;
  bool coming = false;
  for (const VersionInfo& version : versions) {
    if (version.role == Role::kNone) {
      if (version.handle != nullptr) return &version;
      coming |= version.state == State::kLoading || version.state == State::kWarming;
    } else if (version.role == Role::kCanary && version.handle != nullptr) {
      last_resort = &version;
    }
  }
  return coming ? nullptr : last_resort;
}

Catalog::Catalog(std::string default_model)
    : default_model_(std::move(default_model)), snapshot_(std::make_shared<Snapshot>()) {}

absl::StatusOr<const std::pair<const std::string, ModelInfo>*> Catalog::FindModel(
    const Snapshot& snapshot, absl::string_view model) const {
  if (model.empty()) model = default_model_;
  if (model.empty()) {
    // A folder without versions is only becoming a model: it takes nothing from the others.
    const auto has_versions = [](const auto& known) { return !known.second.versions.empty(); };
    const auto with = std::count_if(snapshot.models.begin(), snapshot.models.end(), has_versions);
    if (with == 1) {
      return &*std::find_if(snapshot.models.begin(), snapshot.models.end(), has_versions);
    }
    if (with == 0 && !snapshot.models.empty()) return &*snapshot.models.begin();
    if (with > 1) {
      return absl::InvalidArgumentError(absl::StrCat("model: name one of ", ModelNames(snapshot),
                                                     ", or start predictd with --default_model"));
    }
    return absl::NotFoundError("the model repository is empty: add MODEL/1/model.pt to --models");
  }
  const auto it = snapshot.models.find(model);
  if (it != snapshot.models.end()) return &*it;
  const auto unreadable = snapshot.unreadable.find(model);
  if (unreadable != snapshot.unreadable.end()) {
    return absl::FailedPreconditionError(absl::StrCat("model '", model, "': ", unreadable->second));
  }
  return absl::NotFoundError(
      absl::StrCat("unknown model '", model, "'; known are: ", ModelNames(snapshot)));
}

absl::StatusOr<VersionHandle> Catalog::Find(absl::string_view model, absl::string_view version,
                                            absl::string_view routing_key) const {
  const std::shared_ptr<const Snapshot> now = snapshot();
  const auto found = FindModel(*now, model);
  if (!found.ok()) return found.status();
  const auto& [name, info] = **found;
  if (version.empty()) {
    if (TakenByCanary(info.canary, routing_key)) return info.canary.version;
    const VersionInfo* serving = info.Serving();
    if (serving == nullptr) return NothingServes(name, info);
    return serving->handle;
  }
  for (const VersionInfo& candidate : info.versions) {
    if (candidate.version != version) continue;
    if (candidate.handle == nullptr) return CannotServe(name, candidate);
    return candidate.handle;
  }
  return absl::NotFoundError(absl::StrCat(
      "unknown version '", version, "' of model '", name, "'; known are: ",
      absl::StrJoin(info.versions, ", ", [](std::string* out, const VersionInfo& known) {
        absl::StrAppend(out, known.version);
      })));
}

bool Catalog::TakenByCanary(const SharedVersion& canary, absl::string_view routing_key) const {
  // Its failures count from this instant, not from when the repository's thread has seen them.
  if (canary.version == nullptr || canary.version->outcomes.failing()) return false;
  const Version& version = *canary.version;
  if (!routing_key.empty()) {
    return UserShare(version.model, version.version, routing_key) < canary.share;
  }
  const std::string key = absl::StrCat(keyless_.fetch_add(1, std::memory_order_relaxed));
  return UserShare(version.model, version.version, key) < canary.share;
}

SharedVersion Catalog::ShadowOf(const Version& answered) const {
  if (!any_shadow_.load(std::memory_order_relaxed)) return {};
  const std::shared_ptr<const Snapshot> now = snapshot();
  const auto model = now->models.find(answered.model);
  if (model == now->models.end() || model->second.shadow.version.get() == &answered) return {};
  return model->second.shadow;
}

std::shared_ptr<const Snapshot> Catalog::snapshot() const {
  MutexLock lock(mutex_);
  return snapshot_;
}

bool Catalog::Ready() const {
  const std::shared_ptr<const Snapshot> now = snapshot();
  if (!default_model_.empty()) {
    const auto it = now->models.find(default_model_);
    return it != now->models.end() && it->second.Serving() != nullptr;
  }
  return !now->models.empty() &&
         std::all_of(now->models.begin(), now->models.end(),
                     [](const auto& model) { return model.second.Serving() != nullptr; });
}

void Catalog::Publish(std::shared_ptr<const Snapshot> snapshot) {
  any_shadow_ =
      std::any_of(snapshot->models.begin(), snapshot->models.end(),
                  [](const auto& model) { return model.second.shadow.version != nullptr; });
  std::shared_ptr<const Snapshot> before;
  {
    MutexLock lock(mutex_);
    before = std::exchange(snapshot_, std::move(snapshot));
  }
  for (const auto& listener : listeners_) listener();
}

}  // namespace predictd::repository
