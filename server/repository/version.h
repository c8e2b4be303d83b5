// A loaded model version, as requests hold it.
#ifndef PREDICTD_SERVER_REPOSITORY_VERSION_H_
#define PREDICTD_SERVER_REPOSITORY_VERSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/base/schema.h"
#include "server/batching/lane.h"
#include "server/model/model.h"
#include "server/repository/outcomes.h"

namespace predictd::repository {

// Constant after construction; any thread. A request holds its version until it has been answered,
// so that it finishes on the version it started with.
struct Version {
  std::string model;
  std::string version;
  // Never used twice in a process: tells a version from a later one of the same name.
  uint64_t serial = 0;
  // See ModelConfig.defaults_when_unreachable.
  bool defaults_when_unreachable = false;
  // See ModelConfig.missing_features.
  bool refuse_missing_features = false;

  std::unique_ptr<const model::Model> runnable;
  // The model's features in order. Empty for a model that serves tensors only.
  std::shared_ptr<const Schema> features;
  // Default per feature; NaN = none.
  std::vector<float> defaults;
  std::unique_ptr<batching::Lane> lane;

  // Of the rows that it answered; whoever awaits a row counts it.
  mutable Outcomes outcomes;
};

using VersionHandle = std::shared_ptr<const Version>;

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_VERSION_H_
