// `predict features put`.
#ifndef PREDICTD_CLIENT_FEATURES_PUT_H_
#define PREDICTD_CLIENT_FEATURES_PUT_H_

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

#include "client/connection.h"

namespace predictd::client {

// Sends the rows of `in`, called `name` in messages, and says on stderr which lines are bad and
// why. `total`: how many lines there are, where that is known. Returns the program's exit status.
int PutFeatures(const Connection& connection, std::istream& in, const std::string& name,
                std::optional<int64_t> total);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_FEATURES_PUT_H_
