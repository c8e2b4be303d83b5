// Keeps the catalog in step with the model directory: finds, loads, warms, checks, publishes and
// unloads versions on a thread of its own.
#ifndef PREDICTD_SERVER_REPOSITORY_REPOSITORY_H_
#define PREDICTD_SERVER_REPOSITORY_REPOSITORY_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/task.h"
#include "server/base/clock.h"
#include "server/base/metrics.h"
#include "server/base/mutex.h"
#include "server/base/thread.h"
#include "server/model/model.h"
#include "server/repository/catalog.h"
#include "server/repository/folder_watch.h"
#include "server/repository/misnamed_folders.h"
#include "server/repository/model_config.h"
#include "server/repository/scan.h"
#include "server/repository/unreadable_folders.h"
#include "server/repository/version.h"

namespace predictd::repository {

struct RepositoryOptions {
  std::string directory;
  // How often the directory is looked at, besides at once where its files are seen to change;
  // 0 = only on request.
  absl::Duration poll = absl::Seconds(1);
  // For models without a config.json.
  ModelSettings settings;
  // Each is given up early when `stopping` is set.
  // Loads the model in a version's directory; gently once the models have been ready to serve.
  std::function<absl::StatusOr<std::unique_ptr<model::Model>>(const std::string& directory, Pace,
                                                              const std::atomic<bool>& stopping)>
      load;
  // Makes a version ready for requests.
  std::function<absl::Status(const VersionHandle&, const std::atomic<bool>& stopping)> warm_up;
  // Gives freed memory back to the system; called after a version was unloaded or failed to load.
  std::function<void(const std::atomic<bool>& stopping)> release_memory =
      [](const std::atomic<bool>&) {};
};

// What an admin call concerned: a model's name and the versions with their state now.
struct AdminResult {
  std::string model;
  std::vector<VersionInfo> versions;
};

// Outlives the requests on the versions that it has loaded: they tell it of a canary that fails.
class Repository {
 public:
  Repository(RepositoryOptions options, Catalog& catalog, const Clock& clock, Metrics& metrics);
  ~Repository();
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  // The first look at the directory, before Start: callers then find the models' names, which are
  // warming up. An error where the directory cannot be read.
  absl::Status Look();

  // Starts the thread, which polls until Stop.
  void Start();

  // Any thread. Loads nothing more; calls that wait are answered UNAVAILABLE. Returns true once the
  // thread has ended, false where it is still inside the model library after `longest`.
  bool Stop(absl::Duration longest) ABSL_LOCKS_EXCLUDED(mutex_);

  // On `loop`, resumes there. Empty version = the newest. NOT_FOUND where there is none on disk;
  // FAILED_PRECONDITION with the reason where it cannot be loaded.
  Task<absl::StatusOr<AdminResult>> Load(Loop& loop, std::string model, std::string version);
  // Empty version = all. The versions stay unloaded until Load or changed files.
  Task<absl::StatusOr<AdminResult>> Unload(Loop& loop, std::string model, std::string version);

  // One look at the directory and all that follows from it; answers waiting calls. Called by the
  // thread, or by a test instead of Start. Returns true while something is unfinished (files not
  // yet complete, versions still in use), so that the next look should come soon.
  bool Poll() ABSL_LOCKS_EXCLUDED(mutex_);

  // Any thread: has the thread look now rather than at the next poll.
  void Nudge() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    VersionFiles files;
    State state = State::kLoading;
    std::string reason;
    uint64_t fingerprint = 0;  // of the files that `state` is about
    absl::Time seen_at;        // when these files were first seen
    bool pending = true;       // to be loaded
    bool tried = false;        // in vain, as things are
    bool failed = false;       // the last time; earlier files may serve
    bool held = false;         // unloaded by request
    bool chosen = true;        // by config.json
    // The version whose callers could not be answered by this one; 0 = none.
    int64_t conflicts_with = 0;
    absl::Time loaded_at = absl::InfinitePast();
    std::shared_ptr<const v1::Signature> signature;
    ModelSettings loaded_with;  // where there is a handle
    VersionHandle handle;
  };
  // A model's config.json and what it said last.
  struct Config {
    std::string path;  // empty where there is none, and none has just gone
    uint64_t fingerprint = 0;
    absl::Time changed_at = absl::InfinitePast();
    absl::Time seen_at = absl::InfinitePast();
    // False: to be read, or young and wrong or gone, so perhaps half-written or being replaced.
    bool settled = false;
    absl::Status problem;
  };
  struct Model {
    Config config;
    // The last good ones; none where config.json was wrong from the start.
    std::optional<ModelSettings> settings;
    // The canary that is watched, and the serial of its version; a change of either starts anew.
    std::optional<CanarySettings> watched;
    uint64_t watched_serial = 0;
    bool canary_returned = false;
    std::shared_ptr<batching::QueueLimit> queue_limit;
    std::map<int64_t, Entry, std::greater<>> versions;  // newest first
  };
  struct Request;
  struct RequestAwaiter;
  // A version that requests may still hold.
  struct Retiring {
    std::string model;
    int64_t version;
    VersionHandle handle;
  };

  void Run();
  void Scan();
  // Retires what is not on disk any more; true where there was such.
  bool DropGone(const RepositoryFiles& found);
  void LoadPending();
  // Is to be loaded, and cannot be: its folder, which was seen before, cannot be read now.
  bool Hidden(const std::string& name, int64_t number, const Entry& entry) const;
  // Loads one version; publishes each step. What changed meanwhile leaves the entry pending, with
  // `final_try` after a second attempt; so does a failure that half-copied files may explain,
  // unless `final_try`.
  void LoadOne(const std::string& name, Model& model, int64_t number, bool final_try);
  absl::StatusOr<VersionHandle> Attempt(const std::string& name, Model& model, int64_t number,
                                        Entry& entry);
  absl::StatusOr<VersionHandle> MakeVersion(const std::string& name, Model& model, int64_t number,
                                            Entry& entry);
  // FAILED_PRECONDITION where callers of the version that `number` would replace could not be
  // answered; says what changed and how to go on.
  absl::Status CheckPromotion(const Model& model, int64_t number, const v1::Signature& signature,
                              Entry& entry) const;
  void Fail(const std::string& name, int64_t number, Entry& entry, const absl::Status& why);
  void Retire(const std::string& name, int64_t number, Entry& entry);
  // True while what is wrong with files of that age is not held against them.
  bool Young(absl::Time changed_at, absl::Time seen_at) const;

  // What config.json says, applied; both return true where anything to be published changed.
  bool TakeSettings(const std::string& name, Model& model, const ModelFiles& files);
  // Every version that may serve is to be loaded (again).
  static void TryAgain(Model& model);
  bool ApplySettings();
  bool ChooseVersions(const std::string& name, Model& model);
  bool WatchCanary(const std::string& name, Model& model);
  // Fills in who answers requests that name no version.
  void Route(const Model& model, ModelInfo& info) const;
  static Role RoleOf(const Model& model, int64_t number);
  static absl::StatusOr<ModelSettings> Settings(const Model& model);

  bool ReapRetired();
  void Answer(Request& request);
  absl::StatusOr<AdminResult> Execute(const Request& request);
  void Publish();
  ModelInfo Describe(const std::string& name, const Model& model) const;
  VersionInfo Info(const std::string& name, const Model& model, int64_t number,
                   const Entry& entry) const;

  const RepositoryOptions options_;
  Catalog& catalog_;
  const Clock& clock_;
  Metrics& metrics_;

  // The polling thread's own.
  std::map<std::string, Model> models_;
  std::vector<Retiring> retiring_;
  UnreadableFolders unreadable_;
  MisnamedFolders misnamed_;
  bool was_ready_ = false;    // callers may have come since
  bool release_due_ = false;  // a version has gone, or could not be loaded: memory to give back
  uint64_t next_serial_ = 1;

  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar wake_;
  std::deque<Request*> requests_ ABSL_GUARDED_BY(mutex_);
  bool nudged_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = true;
  std::unique_ptr<FolderWatch> watch_;  // from Start to Stop, where the directory is polled
  std::thread thread_;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_REPOSITORY_H_
