// Per-model settings: config.json over the server's flags.
#ifndef PREDICTD_SERVER_REPOSITORY_MODEL_CONFIG_H_
#define PREDICTD_SERVER_REPOSITORY_MODEL_CONFIG_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace predictd::repository {

// Which versions are loaded, beside those that canary and shadow name. Neither = all.
struct VersionPolicy {
  int latest = 0;             // so many of the greatest that can serve; 0 = not by this
  std::vector<int64_t> list;  // just these; empty = not by this
};

// Answers a share of the users that name no version.
struct CanarySettings {
  int64_t version = 0;
  double percent = 0;
  double max_error_percent = 5;  // 100 = never taken back

  bool operator==(const CanarySettings&) const = default;
};

// Is run, after the reply, on a share of the rows that other versions answered.
struct ShadowSettings {
  int64_t version = 0;
  double percent = 0;
};

struct ModelSettings {
  int max_batch = 64;  // rows, at least 1
  absl::Duration batch_delay = absl::ZeroDuration();
  int max_queue = 4096;                               // rows, at least 1
  int max_workers = std::numeric_limits<int>::max();  // at least 1
  bool defaults_when_unreachable = false;
  bool refuse_missing_features = false;
  // These, and max_queue, change without loading anything again.
  VersionPolicy versions;
  std::optional<CanarySettings> canary;
  std::optional<ShadowSettings> shadow;
};

// True where a version that was loaded with the one need not be loaded again for the other.
bool LoadedAlike(const ModelSettings& one, const ModelSettings& other);

// `flags` with what the file says instead; an empty path changes nothing. FAILED_PRECONDITION names
// the file, the field and what it may be.
absl::StatusOr<ModelSettings> ReadModelSettings(const std::string& config_path,
                                                const ModelSettings& flags);

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_MODEL_CONFIG_H_
