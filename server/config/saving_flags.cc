// Saving predictions.
#include <string>

#include "absl/flags/flag.h"

ABSL_FLAG(std::string, save, "after_reply",
          "off, after_reply (written behind, bounded; what does not fit is dropped and counted) or "
          "before_reply (durable, then answered); off without --save_to");
ABSL_FLAG(
    std::string, save_to, "",
    "sqlite:PATH, created if missing, or postgresql://[user[:password]@]host[:port]/database; "
    "table predictions is created if missing; empty = nothing is saved");
