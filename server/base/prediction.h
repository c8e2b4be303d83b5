// What was predicted, from which features, by which version: the record that is saved.
#ifndef PREDICTD_SERVER_BASE_PREDICTION_H_
#define PREDICTD_SERVER_BASE_PREDICTION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/base/feature_row.h"
#include "server/base/schema.h"

namespace predictd {

struct Prediction {
  std::string prediction_id;    // UUIDv7
  std::string idempotency_key;  // empty = none
  std::string user_id;
  std::string model;
  std::string version;
  // Names of `features`, in order; never null.
  std::shared_ptr<const Schema> schema;
  std::vector<float> features;  // finite
  std::vector<float> outputs;   // finite
  FeatureOrigin feature_origin = FeatureOrigin::kUnspecified;
  absl::Time created_at;  // wall clock, milliseconds
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_PREDICTION_H_
