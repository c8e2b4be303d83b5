#include "server/sql/store_address.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/sql/postgres_options.h"

namespace predictd {
namespace {

absl::StatusOr<StoreAddress> ParsePostgres(absl::string_view flag, absl::string_view value) {
  std::string uri(value);
  const absl::Status parsed = PostgresOptions::Parse(uri).status();
  if (parsed.ok()) return StoreAddress{StoreKind::kPostgres, std::move(uri)};
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": ", parsed.message(),
                   "; give it postgresql://[user[:password]@][host][:port][/database]"
                   "[?parameters]"));
}

}  // namespace

absl::StatusOr<StoreAddress> ParseStoreAddress(absl::string_view flag, absl::string_view value) {
  if (absl::StartsWith(value, "postgresql://") || absl::StartsWith(value, "postgres://")) {
    return ParsePostgres(flag, value);
  }
  absl::string_view path = value;
  if (!absl::ConsumePrefix(&path, "sqlite:")) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag,
        ": the value starts with neither sqlite: nor postgresql://; give it sqlite:PATH or "
        "postgresql://..."));
  }
  if (path.empty() || path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": sqlite: needs the path of a file; give it sqlite:PATH"));
  }
  return StoreAddress{StoreKind::kSqlite, std::string(path)};
}

}  // namespace predictd
