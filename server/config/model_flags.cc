// Models: where they are, how they are run.
#include <string>

#include "absl/flags/flag.h"
#include "absl/time/time.h"

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
