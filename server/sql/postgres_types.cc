#include "server/sql/postgres_types.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"
#include "server/sql/canonical_integer.h"

namespace predictd {
namespace {

// As PostgreSQL writes one.
bool IsCanonicalUuid(absl::string_view text) {
  constexpr absl::string_view kForm = "00000000-0000-0000-0000-000000000000";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = absl::ascii_isdigit(static_cast<unsigned char>(text[i])) ||
                       (text[i] >= 'a' && text[i] <= 'f');
    if (kForm[i] == '-' ? text[i] != '-' : !digit) return false;
  }
  return true;
}

// What a column of texts can hold.
bool IsText(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0 || text[0] == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::optional<PostgresKey> PostgresKeyOf(Oid base_type) {
  switch (base_type) {
    case kPostgresInt2:
    case kPostgresInt4:
    case kPostgresInt8:
      return PostgresKey::kInteger;
    case kPostgresUuid:
      return PostgresKey::kUuid;
    case kPostgresText:
    case kPostgresVarchar:
      return PostgresKey::kText;
    case kPostgresBpchar:
      return PostgresKey::kPadded;
    default:
      return std::nullopt;
  }
}

bool MayBeKey(PostgresKey key, absl::string_view user_id) {
  switch (key) {
    case PostgresKey::kInteger:
      return CanonicalInteger(user_id).has_value();
    case PostgresKey::kUuid:
      return IsCanonicalUuid(user_id);
    case PostgresKey::kPadded:
      return IsText(user_id) && !absl::EndsWith(user_id, " ");
    case PostgresKey::kText:
      return IsText(user_id);
  }
  return false;
}

std::string PostgresKeyEquals(PostgresKey key, absl::string_view column, absl::string_view text) {
  switch (key) {
    case PostgresKey::kInteger:
      return absl::StrCat(column, " = ", text, "::int8");
    case PostgresKey::kUuid:
      return absl::StrCat(column, " = ", text, "::uuid");
    case PostgresKey::kPadded:
    case PostgresKey::kText:
      break;
  }
  const absl::string_view type = key == PostgresKey::kPadded ? "::bpchar" : "";
  return absl::StrCat(column, " = ", text, "::text", type, " AND ", column,
                      "::text COLLATE \"C\" = ", text, "::text");
}

}  // namespace predictd
