// Which of a model's versions its config.json has loaded.
#ifndef PREDICTD_SERVER_REPOSITORY_VERSION_CHOICE_H_
#define PREDICTD_SERVER_REPOSITORY_VERSION_CHOICE_H_

#include <cstdint>
#include <set>
#include <vector>

#include "server/repository/model_config.h"

namespace predictd::repository {

struct VersionCandidate {
  int64_t number = 0;
  // False for one that FAILED or was unloaded by request: it takes nobody else's place.
  bool can_serve = true;
};

// `newest_first`: the versions on disk. Chosen are those that canary and shadow name, and
//   versions.list    those in the list;
//   versions.latest  of the others the greatest until so many of them can serve;
//   neither          all.
std::set<int64_t> ChooseVersions(const ModelSettings& settings,
                                 const std::vector<VersionCandidate>& newest_first);

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_VERSION_CHOICE_H_
