#include "server/sql/store_address.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace predictd {

absl::StatusOr<StoreAddress> ParseStoreAddress(absl::string_view flag, absl::string_view value) {
  if (absl::StartsWith(value, "postgresql://") || absl::StartsWith(value, "postgres://")) {
    return absl::UnimplementedError(
        absl::StrCat(flag, ": this build has no PostgreSQL; give it sqlite:PATH"));
  }
  absl::string_view path = value;
  if (!absl::ConsumePrefix(&path, "sqlite:")) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": the value starts with neither sqlite: nor postgresql://; give it sqlite:PATH"));
  }
  if (path.empty() || path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": sqlite: needs the path of a file; give it sqlite:PATH"));
  }
  return StoreAddress{StoreKind::kSqlite, std::string(path)};
}

}  // namespace predictd
