// The values of --feature_source and --save_to.
#ifndef PREDICTD_SERVER_SQL_STORE_ADDRESS_H_
#define PREDICTD_SERVER_SQL_STORE_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace predictd {

enum class StoreKind { kSqlite };

struct StoreAddress {
  StoreKind kind;
  std::string path;  // of the file
};

// `sqlite:PATH`. INVALID_ARGUMENT for anything else but `postgresql://...`, which is UNIMPLEMENTED;
// messages name `flag` ("--save_to") and never repeat what may be a password.
absl::StatusOr<StoreAddress> ParseStoreAddress(absl::string_view flag, absl::string_view value);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_STORE_ADDRESS_H_
