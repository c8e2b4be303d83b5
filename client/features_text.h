// A user's row as `predict features get` prints it.
#ifndef PREDICTD_CLIENT_FEATURES_TEXT_H_
#define PREDICTD_CLIENT_FEATURES_TEXT_H_

#include <string>

#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// Two columns: first the features by name, then a blank line, then where they are from:
//
//   age       31
//   score      0.5
//
//   features  database, 2.4s old
std::string FeaturesText(const v1::GetFeaturesResponse& row);
std::string FeaturesJson(const v1::GetFeaturesResponse& row);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_FEATURES_TEXT_H_
