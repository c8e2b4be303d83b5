// Per-model settings: config.json over the server's flags.
#ifndef PREDICTD_SERVER_REPOSITORY_MODEL_CONFIG_H_
#define PREDICTD_SERVER_REPOSITORY_MODEL_CONFIG_H_

#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace predictd::repository {

struct ModelSettings {
  int max_batch = 64;  // rows, at least 1
  absl::Duration batch_delay = absl::ZeroDuration();
  int max_queue = 4096;                               // rows, at least 1
  int max_workers = std::numeric_limits<int>::max();  // at least 1
  bool defaults_when_unreachable = false;
  bool refuse_missing_features = false;
};

// `flags` with what the file says instead; an empty path changes nothing. FAILED_PRECONDITION names
// the file and the field.
absl::StatusOr<ModelSettings> ReadModelSettings(const std::string& config_path,
                                                const ModelSettings& flags);

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_MODEL_CONFIG_H_
