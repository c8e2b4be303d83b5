// A user's features as they are to be stored.
#ifndef PREDICTD_SERVER_BASE_FEATURE_RECORD_H_
#define PREDICTD_SERVER_BASE_FEATURE_RECORD_H_

#include <string>
#include <vector>

namespace predictd {

struct FeatureRecord {
  std::string user_id;
  // One per name, which records that are stored together share; NaN = missing.
  std::vector<double> values;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_FEATURE_RECORD_H_
