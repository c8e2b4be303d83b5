#include "server/config/flag_use.h"

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

ABSL_DECLARE_FLAG(std::string, save);

namespace predictd::config {
namespace {

struct Use {
  absl::string_view flag;
  bool has_effect;
  absl::string_view why_not;
};

constexpr absl::string_view kNoSource = "without --feature_source; give both or neither";
constexpr absl::string_view kNoCache = "without --feature_cache; give both or neither";
constexpr absl::string_view kNoFeast =
    "without --feature_cache_encoding=feast; give both or neither";

bool Given(absl::string_view name, const absl::flat_hash_set<std::string>& on_command_line) {
  if (on_command_line.contains(name)) return true;
  const absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
  return flag->CurrentValue() != flag->DefaultValue();
}

}  // namespace

std::vector<std::string> FlagsWithoutEffect(const absl::flat_hash_set<std::string>& on_command_line,
                                            const Config& config) {
  const bool source = config.feature_source.has_value();
  const bool postgres = source && config.feature_source->kind == StoreKind::kPostgres;
  const bool cache = config.feature_cache.has_value();
  const bool feast = config.feature_cache_encoding == CacheEncoding::kFeast;
  const Use uses[] = {
      {"feature_table", source, kNoSource},
      {"feature_key", source, kNoSource},
      {"feature_source_timeout", source, kNoSource},
      {"postgres_connections", postgres, "without --feature_source=postgresql://...; leave it out"},
      {"feature_cache_encoding", cache, kNoCache},
      {"feature_cache_prefix", cache, kNoCache},
      {"feature_cache_prefix", !feast,
       "with --feature_cache_encoding=feast, whose keys are Feast's own; leave it out"},
      {"feature_cache_ttl", cache, kNoCache},
      {"feature_cache_timeout", cache, kNoCache},
      {"feature_names", cache, kNoCache},
      {"feature_names", !source, "with --feature_source, whose columns have names; leave it out"},
      {"feast_project", feast, kNoFeast},
      {"feast_entity_key", feast, kNoFeast},
      {"feast_entity_type", feast, kNoFeast},
      {"feast_view", feast, kNoFeast},
      {"save", config.save_to || absl::GetFlag(FLAGS_save) == "off",
       "without --save_to: nothing is saved"},
      {"local_cache_ttl", config.local_cache_bytes > 0, "with --local_cache_mb=0"},
  };
  std::vector<std::string> warnings;
  for (const Use& use : uses) {
    if (use.has_effect || !Given(use.flag, on_command_line)) continue;
    warnings.push_back(absl::StrCat("--", use.flag, " has no effect ", use.why_not));
  }
  return warnings;
}

}  // namespace predictd::config
