// The part of Repository that does what config.json says: which versions are loaded, which of them
// answers whom. Nothing here loads a model.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/repository/repository.h"
#include "server/repository/signature_change.h"
#include "server/repository/version_choice.h"

namespace predictd::repository {
namespace {

void AddReason(absl::string_view more, std::string& reason) {
  absl::StrAppend(&reason, reason.empty() ? "" : "; ", more);
}

std::string ReturnedReason(const Outcomes& outcomes, const CanarySettings& canary) {
  const auto [rows, failed] = outcomes.decisive();
  return absl::StrFormat(
      "taken back as canary: %u of its last %u rows failed INTERNAL, more than max_error_percent "
      "%g; it stays back until its files or the canary's settings in config.json change",
      failed, rows, canary.max_error_percent);
}

// Nothing else shows that a version is waited for: it may be on its way, or misspelt.
void TellOfMissing(const std::string& model, const ModelSettings& settings,
                   const ModelFiles& files) {
  const auto tell = [&](absl::string_view role, int64_t version) {
    if (files.versions.count(version) > 0) return;
    Log(LogLevel::kWarning, "config.json names a version that is not there yet",
        {{"model", model}, {"as", role}, {"version", version}});
  };
  if (settings.canary) tell("canary", settings.canary->version);
  if (settings.shadow) tell("shadow", settings.shadow->version);
}

}  // namespace

absl::StatusOr<ModelSettings> Repository::Settings(const Model& model) {
  if (model.settings) return *model.settings;
  return model.config.problem;
}

Role Repository::RoleOf(const Model& model, int64_t number) {
  if (!model.settings) return Role::kNone;
  if (model.settings->canary && model.settings->canary->version == number) return Role::kCanary;
  if (model.settings->shadow && model.settings->shadow->version == number) return Role::kShadow;
  return Role::kNone;
}

bool Repository::TakeSettings(const std::string& name, Model& model, const ModelFiles& files) {
  Config& config = model.config;
  if (!config.settled && config.seen_at == absl::InfinitePast()) {
    metrics_.traffic.SetConfigInvalid(name, false);  // the series is there from the start
  } else if (config.fingerprint == files.config_fingerprint && config.settled) {
    return false;
  }
  const bool gone = files.config_path.empty() && !config.path.empty();
  if (config.fingerprint != files.config_fingerprint || config.seen_at == absl::InfinitePast()) {
    config.seen_at = clock_.Now();
    config.fingerprint = files.config_fingerprint;
    config.changed_at = gone ? clock_.WallNow() : files.config_changed_at;
  }
  // Perhaps another one is about to take its place.
  config.settled = !gone || !Young(config.changed_at, config.seen_at);
  if (!config.settled) return false;
  config.path = files.config_path;
  auto settings = ReadModelSettings(config.path, options_.settings);
  config.problem = settings.status();
  config.settled = settings.ok() || !Young(config.changed_at, config.seen_at);
  if (!config.settled) return false;
  metrics_.traffic.SetConfigInvalid(name, !settings.ok());
  if (!settings.ok()) {
    Log(LogLevel::kError, "config.json cannot be used",
        {{"model", name},
         {"error", config.problem.message()},
         {"settings", model.settings ? "the former ones stay" : "none, its versions fail"}});
    // For what is wrong now to be their reason.
    if (!model.settings) TryAgain(model);
    return true;
  }
  const bool reload = !model.settings || !LoadedAlike(*model.settings, *settings);
  if (model.settings || !config.path.empty()) {
    Log(LogLevel::kInfo, "settings of a model are taken over",
        {{"model", name}, {"from", config.path.empty() ? "flags" : config.path}});
  }
  TellOfMissing(name, *settings, files);
  model.settings = *std::move(settings);
  if (model.queue_limit != nullptr) model.queue_limit->set_limit(model.settings->max_queue);
  if (reload) TryAgain(model);
  return true;
}

void Repository::TryAgain(Model& model) {
  for (auto& [number, entry] : model.versions) {
    if (entry.held || !entry.chosen) continue;
    entry.pending = true;
    entry.tried = false;
    if (entry.handle == nullptr) entry.state = State::kLoading;
  }
}

bool Repository::ApplySettings() {
  bool changed = false;
  for (auto& [name, model] : models_) {
    if (!model.settings) continue;
    changed |= ChooseVersions(name, model);
    changed |= WatchCanary(name, model);
  }
  return changed;
}

bool Repository::ChooseVersions(const std::string& name, Model& model) {
  std::vector<VersionCandidate> candidates;
  for (const auto& [number, entry] : model.versions) {
    candidates.push_back({number, !entry.held && entry.state != State::kFailed});
  }
  const std::set<int64_t> chosen = repository::ChooseVersions(*model.settings, candidates);
  const bool chosen_one_serves =
      std::any_of(model.versions.begin(), model.versions.end(), [&](const auto& version) {
        return version.second.handle != nullptr && chosen.count(version.first) > 0 &&
               RoleOf(model, version.first) == Role::kNone;
      });
  bool changed = false;
  // One that is not chosen serves on until one that is can take over.
  bool may_stay = !chosen_one_serves;
  for (auto& [number, entry] : model.versions) {
    const bool was_chosen = std::exchange(entry.chosen, chosen.count(number) > 0);
    changed |= was_chosen != entry.chosen;
    // By one that serves on without having been chosen.
    const bool outdated =
        entry.handle != nullptr && !LoadedAlike(entry.loaded_with, *model.settings);
    if (entry.chosen) {
      if (was_chosen || entry.held) continue;
      entry.tried = false;
      entry.pending =
          entry.handle == nullptr || outdated || entry.fingerprint != entry.files.fingerprint;
      if (entry.handle != nullptr) continue;
      entry.state = State::kLoading;
      entry.reason.clear();
      continue;
    }
    const bool stays = entry.handle != nullptr && std::exchange(may_stay, false);
    entry.pending = stays && outdated && !entry.failed;
    if (stays) continue;
    const bool unloaded = entry.state == State::kUnloaded || entry.state == State::kUnloading;
    if (entry.held || (unloaded && !was_chosen)) continue;
    entry.state = entry.handle == nullptr ? State::kUnloaded : State::kUnloading;
    entry.reason = absl::StrCat("not among the versions that ", model.config.path, " has loaded");
    metrics_.SetModelReady(name, absl::StrCat(number), false);
    Retire(name, number, entry);
    changed = true;
  }
  return changed;
}

bool Repository::WatchCanary(const std::string& name, Model& model) {
  const std::optional<CanarySettings>& canary = model.settings->canary;
  const auto entry = canary ? model.versions.find(canary->version) : model.versions.end();
  const VersionHandle handle = entry == model.versions.end() ? nullptr : entry->second.handle;
  const uint64_t serial = handle == nullptr ? 0 : handle->serial;
  if (model.watched != canary || model.watched_serial != serial) {
    model.watched = canary;
    model.watched_serial = serial;
    model.canary_returned = false;
    if (handle != nullptr) handle->outcomes.Watch(canary->max_error_percent);
    return true;
  }
  if (handle == nullptr || model.canary_returned || !handle->outcomes.failing()) return false;
  model.canary_returned = true;
  metrics_.traffic.CountCanaryReturn(name);
  Log(LogLevel::kError, "canary is taken back",
      {{"model", name},
       {"version", canary->version},
       {"reason", ReturnedReason(handle->outcomes, *canary)}});
  return true;
}

VersionInfo Repository::Info(const std::string& name, const Model& model, int64_t number,
                             const Entry& entry) const {
  VersionInfo info;
  info.version = absl::StrCat(number);
  info.state = entry.state;
  info.reason = entry.reason;
  info.role = RoleOf(model, number);
  if (entry.handle != nullptr || entry.state == State::kUnloading) {
    info.loaded_at = entry.loaded_at;
  }
  info.signature = entry.signature;
  info.handle = entry.handle;
  if (!entry.chosen && entry.handle != nullptr) {
    AddReason(absl::StrCat("not among the versions that ", model.config.path,
                           " has loaded; serves until one of those is READY"),
              info.reason);
  }
  if (info.role == Role::kCanary && entry.handle != nullptr && model.canary_returned) {
    AddReason(ReturnedReason(entry.handle->outcomes, *model.settings->canary), info.reason);
  }
  const std::string unreadable = unreadable_.Why(name, number);
  if (entry.handle != nullptr && !unreadable.empty()) {
    AddReason(absl::StrCat("what was loaded stays: ", unreadable), info.reason);
  } else if (Hidden(name, number, entry)) {
    AddReason(absl::StrCat("waits until its folder can be read: ", unreadable), info.reason);
  }
  if (model.settings && !model.config.problem.ok() && model.config.settled) {
    AddReason(absl::StrCat("the former settings stay: ", model.config.problem.message()),
              info.reason);
  }
  return info;
}

void Repository::Route(const Model& model, ModelInfo& info) const {
  const VersionInfo* const serving = info.Serving();
  double taken = 0;
  for (VersionInfo& version : info.versions) {
    if (version.handle == nullptr || version.role == Role::kNone || &version == serving) continue;
    const absl::Status comparable = serving == nullptr
                                        ? absl::OkStatus()
                                        : CheckReplaces(*serving->signature, *version.signature);
    if (!comparable.ok()) {
      AddReason(absl::StrCat("not used as ", version.role == Role::kCanary ? "canary" : "shadow",
                             ": its signature is not compatible with that of version ",
                             serving->version, ": ", comparable.message()),
                version.reason);
      continue;
    }
    if (version.role == Role::kCanary && !model.canary_returned) {
      taken = version.traffic_percent = model.settings->canary->percent;
      info.canary = {version.handle, taken / 100};
    } else if (version.role == Role::kShadow) {
      version.shadow_percent = model.settings->shadow->percent;
      info.shadow = {version.handle, version.shadow_percent / 100};
    }
  }
  for (VersionInfo& version : info.versions) {
    if (&version == serving) version.traffic_percent = 100 - taken;
  }
}

}  // namespace predictd::repository
