#include "server/repository/version_choice.h"

#include <algorithm>

namespace predictd::repository {

std::set<int64_t> ChooseVersions(const ModelSettings& settings,
                                 const std::vector<VersionCandidate>& newest_first) {
  const VersionPolicy& policy = settings.versions;
  std::set<int64_t> chosen;
  int left = policy.latest;
  for (const auto& [number, can_serve] : newest_first) {
    if ((settings.canary && settings.canary->version == number) ||
        (settings.shadow && settings.shadow->version == number)) {
      chosen.insert(number);
    } else if (!policy.list.empty()) {
      if (std::find(policy.list.begin(), policy.list.end(), number) != policy.list.end()) {
        chosen.insert(number);
      }
    } else if (policy.latest == 0) {
      chosen.insert(number);
    } else if (left > 0) {
      chosen.insert(number);
      if (can_serve) --left;
    }
  }
  return chosen;
}

}  // namespace predictd::repository
