// The values of --feature_source and --save_to.
#ifndef PREDICTD_SERVER_SQL_STORE_ADDRESS_H_
#define PREDICTD_SERVER_SQL_STORE_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace predictd {

enum class StoreKind { kSqlite, kPostgres };

struct StoreAddress {
  StoreKind kind;
  // SQLite: the file's path. PostgreSQL: the whole URI, as libpq takes it (PostgreSQL 15, section
  // 34.1.1.2); it may hold a password, so it is never shown.
  std::string path;
};

// `sqlite:PATH` or `postgresql://[user[:password]@][host][:port][/database][?parameters]`.
// INVALID_ARGUMENT for anything else; messages name `flag` ("--save_to") and never repeat what may
// be a password.
absl::StatusOr<StoreAddress> ParseStoreAddress(absl::string_view flag, absl::string_view value);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_STORE_ADDRESS_H_
