// Which versions there are and which of them serve: written by the repository's thread, read by
// every request.
#ifndef PREDICTD_SERVER_REPOSITORY_CATALOG_H_
#define PREDICTD_SERVER_REPOSITORY_CATALOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/base/schema.h"
#include "server/repository/model_config.h"
#include "server/repository/version.h"

namespace predictd::repository {

// Numbers equal predictd.v1.ModelState.
enum class State {
  kLoading = 1,
  kWarming = 2,
  kReady = 3,
  kUnloading = 4,
  kFailed = 5,
  kUnloaded = 6,
};
absl::string_view StateName(State state);  // "LOADING"

// What config.json has a version do.
enum class Role { kNone, kCanary, kShadow };

struct VersionInfo {
  std::string version;
  State state = State::kLoading;
  std::string reason;
  Role role = Role::kNone;
  // Of the requests that name no version, and of the rows of others that it is run on too.
  double traffic_percent = 0;
  double shadow_percent = 0;
  absl::Time loaded_at = absl::InfinitePast();  // wall clock
  // Kept after a version was unloaded, so that ListModels still shows it; null before it was read.
  std::shared_ptr<const v1::Signature> signature;
  VersionHandle handle;  // kReady only
};

// A version and the share, 0 to 1, of what it takes part in; null where there is none.
struct SharedVersion {
  VersionHandle version;
  double share = 0;
};

// Versions of a model, newest first. Constant.
struct ModelInfo {
  std::vector<VersionInfo> versions;
  VersionPolicy policy;
  SharedVersion canary;  // READY ones
  SharedVersion shadow;

  // The greatest READY version that is neither canary nor shadow; where no such one is READY or
  // still coming, the canary. Null where nothing serves.
  const VersionInfo* Serving() const;
};

// One state of the whole repository. Constant.
struct Snapshot {
  std::map<std::string, ModelInfo, std::less<>> models;
  // Folders that cannot be read and of which nothing is known: name and why. No models yet.
  std::map<std::string, std::string, std::less<>> unreadable;
  // Union of the features of all READY versions, in order of model, version and feature.
  std::shared_ptr<const Schema> features = std::make_shared<Schema>(std::vector<std::string>());
};

// Any thread.
class Catalog {
 public:
  // `default_model`: used where a request names none; empty = the only model.
  explicit Catalog(std::string default_model);

  // The version that serves a request. Where none is named, `routing_key` (the user id) decides
  // between the canary and the others, see UserShare; empty = spread at random. Errors as in the
  // status table of the contract: UNAVAILABLE with a retry delay while it warms up,
  // FAILED_PRECONDITION with the reason, NOT_FOUND with the known names, INVALID_ARGUMENT where
  // several models are there and none is named.
  absl::StatusOr<VersionHandle> Find(absl::string_view model, absl::string_view version,
                                     absl::string_view routing_key = "") const;

  // The shadow of a version's model and the share of its rows, null where there is none. Cheap
  // where no model has one.
  SharedVersion ShadowOf(const Version& answered) const;

  std::shared_ptr<const Snapshot> snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The default model, or without one every model, has a READY version, and there is a model.
  bool Ready() const;

  // Repository's thread. Listeners run on it, after the change.
  void Publish(std::shared_ptr<const Snapshot> snapshot) ABSL_LOCKS_EXCLUDED(mutex_);
  // Before the repository starts.
  void OnChange(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  absl::StatusOr<const std::pair<const std::string, ModelInfo>*> FindModel(
      const Snapshot& snapshot, absl::string_view model) const;
  bool TakenByCanary(const SharedVersion& canary, absl::string_view routing_key) const;

  const std::string default_model_;
  std::vector<std::function<void()>> listeners_;
  // Keys for requests without one.
  mutable std::atomic<uint64_t> keyless_{0};
  std::atomic<bool> any_shadow_{false};
  mutable Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_CATALOG_H_
