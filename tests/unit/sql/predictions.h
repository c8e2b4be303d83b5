// Predictions as tests save them.
#ifndef PREDICTD_TESTS_UNIT_SQL_PREDICTIONS_H_
#define PREDICTD_TESTS_UNIT_SQL_PREDICTIONS_H_

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "server/base/prediction.h"
#include "tests/catch.h"

namespace predictd {

inline Prediction MakePrediction(std::string id) {
  static const auto schema =
      std::make_shared<const Schema>(std::vector<std::string>{"age", "score"});
  Prediction prediction;
  prediction.prediction_id = std::move(id);
  prediction.user_id = "u";
  prediction.model = "churn";
  prediction.version = "3";
  prediction.schema = schema;
  prediction.features = {1.5F, -2};
  prediction.outputs = {0.25F};
  prediction.feature_origin = FeatureOrigin::kSource;
  prediction.created_at = absl::FromUnixMillis(1700000000123);
  return prediction;
}

// Floats bit for bit.
inline void CheckSame(const Prediction& a, const Prediction& b) {
  const auto same_bits = [](absl::Span<const float> x, absl::Span<const float> y) {
    return x.size() == y.size() &&
           (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
  };
  CHECK(a.prediction_id == b.prediction_id);
  CHECK(a.idempotency_key == b.idempotency_key);
  CHECK(a.user_id == b.user_id);
  CHECK(a.model == b.model);
  CHECK(a.version == b.version);
  CHECK(a.schema->names() == b.schema->names());
  CHECK(same_bits(a.features, b.features));
  CHECK(same_bits(a.outputs, b.outputs));
  CHECK(a.feature_origin == b.feature_origin);
  CHECK(a.created_at == b.created_at);
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_SQL_PREDICTIONS_H_
