// Models: where they are, how they are run.
#include <string>

#include "absl/flags/flag.h"
#include "absl/time/time.h"
#include "server/base/cpus.h"
#include "server/base/status.h"
#include "server/config/flag_groups.h"

ABSL_FLAG(std::string, models, "", "model repository directory; required");
ABSL_FLAG(std::string, default_model, "",
          "model used when a request names none; empty = the only model, if there is one");
ABSL_FLAG(absl::Duration, model_poll, absl::Seconds(1),
          "how often the repository is looked at for changes; 0 = only on request");
ABSL_FLAG(int, workers, 0, "model worker threads, one intra-op thread each; 0 = number of CPUs");
ABSL_FLAG(absl::Duration, inline_budget, absl::Microseconds(200),
          "a batch whose measured run time is below this runs on the event loop that gathered it; "
          "0 = always on a worker");
ABSL_FLAG(int, max_batch, 64, "most rows in one model run");
ABSL_FLAG(
    absl::Duration, batch_delay, absl::ZeroDuration(),
    "how long a free worker waits for a fuller batch; 0 = never; above 0 nothing runs inline");
ABSL_FLAG(int, max_queue, 4096,
          "rows waiting to be run, per model; beyond it requests are refused at once");

namespace predictd::config {

absl::Status ReadModels(Config& config) {
  config.models = absl::GetFlag(FLAGS_models);
  if (config.models.empty()) {
    return Invalid("models", "is required; give the directory with MODEL/VERSION/model.pt");
  }
  config.default_model = absl::GetFlag(FLAGS_default_model);
  config.model_poll = absl::GetFlag(FLAGS_model_poll);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("model_poll", config.model_poll, true));
  PREDICTD_RETURN_IF_ERROR(CheckRange("workers", absl::GetFlag(FLAGS_workers), 0, 1024));
  config.workers = absl::GetFlag(FLAGS_workers);
  if (config.workers == 0) config.workers = UsableCpus();
  config.inline_budget = absl::GetFlag(FLAGS_inline_budget);
  PREDICTD_RETURN_IF_ERROR(CheckDuration("inline_budget", config.inline_budget, true));
  config.model_settings.max_batch = absl::GetFlag(FLAGS_max_batch);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_batch", config.model_settings.max_batch, 1, 1 << 20));
  config.model_settings.max_queue = absl::GetFlag(FLAGS_max_queue);
  PREDICTD_RETURN_IF_ERROR(CheckRange("max_queue", config.model_settings.max_queue, 1, 1 << 20));
  config.model_settings.batch_delay = absl::GetFlag(FLAGS_batch_delay);
  return CheckDuration("batch_delay", config.model_settings.batch_delay, true);
}

}  // namespace predictd::config
