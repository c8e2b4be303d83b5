// Saving predictions.
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/flags/flag.h"
#include "server/base/status.h"
#include "server/config/flag_groups.h"

ABSL_FLAG(std::string, save, "after_reply",
          "off, after_reply (written behind, bounded; what does not fit is dropped and counted) or "
          "before_reply (durable, then answered); off without --save_to");
ABSL_FLAG(
    std::string, save_to, "",
    "sqlite:PATH, created if missing, or postgresql://[user[:password]@]host[:port]/database; "
    "table predictions is created if missing; empty = nothing is saved");

namespace predictd::config {

absl::Status ReadSaving(Config& config) {
  PREDICTD_RETURN_IF_ERROR(
      Choose<predict::SaveMode>("save", absl::GetFlag(FLAGS_save),
                                {{"off", predict::SaveMode::kOff},
                                 {"after_reply", predict::SaveMode::kAfterReply},
                                 {"before_reply", predict::SaveMode::kBeforeReply}},
                                config.save));
  if (const std::string save_to = absl::GetFlag(FLAGS_save_to); !save_to.empty()) {
    auto address = ParseStoreAddress("--save_to", save_to);
    if (!address.ok()) return address.status();
    config.save_to = *std::move(address);
    // Saving switches its file to WAL, which is not to be done to a file of somebody else's.
    std::error_code error;
    if (config.feature_source && config.feature_source->kind == StoreKind::kSqlite &&
        config.save_to->kind == StoreKind::kSqlite &&
        (config.feature_source->path == config.save_to->path ||
         std::filesystem::equivalent(config.feature_source->path, config.save_to->path, error))) {
      return Invalid("save_to", "is the file of --feature_source; give another one");
    }
    return absl::OkStatus();
  }
  if (config.save == predict::SaveMode::kBeforeReply) {
    return Invalid("save", "before_reply needs --save_to");
  }
  config.save = predict::SaveMode::kOff;
  return absl::OkStatus();
}

}  // namespace predictd::config
