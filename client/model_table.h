// Model versions as people read them.
#ifndef PREDICTD_CLIENT_MODEL_TABLE_H_
#define PREDICTD_CLIENT_MODEL_TABLE_H_

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

using ModelVersions = google::protobuf::RepeatedPtrField<v1::ModelVersion>;

struct ModelTableOptions {
  absl::Time now;           // ages are up to here
  size_t columns = 0;       // reasons are wrapped to it; 0 = they are not
  bool signatures = false;  // also what each version takes and gives
};

// One row per version; its reason stands below it. Says so where there are none.
std::string ModelTable(const ModelVersions& models, const ModelTableOptions& options);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_MODEL_TABLE_H_
