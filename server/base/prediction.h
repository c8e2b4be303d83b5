// What was predicted, from which features, by which version: the record that is saved.
#ifndef PREDICTD_SERVER_BASE_PREDICTION_H_
#define PREDICTD_SERVER_BASE_PREDICTION_H_

#include <memory>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "server/base/feature_row.h"
#include "server/base/schema.h"

namespace predictd {

// What a model gave for one row, in the order of its signature; few need no allocation.
using OutputValues = absl::InlinedVector<float, 4>;

struct Prediction {
  std::string prediction_id;    // UUIDv7
  std::string idempotency_key;  // empty = none
  std::string user_id;
  std::string model;
  std::string version;
  // Names of `features`, in order; never null.
  std::shared_ptr<const Schema> schema;
  FeatureValues features;  // finite
  OutputValues outputs;    // finite
  FeatureOrigin feature_origin = FeatureOrigin::kUnspecified;
  absl::Time created_at;  // wall clock, milliseconds
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_PREDICTION_H_
