#include "server/sql/sqlite_feature_table.h"

#include <initializer_list>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"
#include "server/sql/missing_table.h"
#include "server/sql/sqlite_columns.h"

namespace predictd {
namespace {

enum class Judgement { kFeature, kOther, kByValue };

bool ContainsAny(absl::string_view text, std::initializer_list<absl::string_view> words) {
  for (const absl::string_view word : words) {
    if (absl::StrContains(text, word)) return true;
  }
  return false;
}

// SQLite's rules of type affinity (https://www.sqlite.org/datatype3.html, section 3.1), but for
// types that it would store as numbers if it could and whose names say that they are none.
Judgement JudgeType(absl::string_view declared) {
  const std::string type = absl::AsciiStrToUpper(declared);
  if (ContainsAny(type, {"INTERVAL", "POINT"})) return Judgement::kOther;
  if (ContainsAny(type, {"INT"})) return Judgement::kFeature;
  if (ContainsAny(type, {"CHAR", "CLOB", "TEXT", "BLOB", "BINARY", "BYTEA"})) {
    return Judgement::kOther;
  }
  if (ContainsAny(type, {"REAL", "FLOA", "DOUB"})) return Judgement::kFeature;
  if (ContainsAny(type, {"DATE", "TIME", "STRING", "JSON", "UUID"})) return Judgement::kOther;
  if (ContainsAny(type, {"BOOL", "NUMERIC", "NUMBER", "DEC", "BIT"})) return Judgement::kFeature;
  return Judgement::kByValue;
}

absl::StatusOr<SqliteKey> JudgeKey(const SqliteColumn& key, absl::string_view table) {
  const std::string type = absl::AsciiStrToUpper(key.declared_type);
  if (ContainsAny(type, {"INT"})) return SqliteKey::kNumber;
  if (ContainsAny(type, {"CHAR", "CLOB", "TEXT"})) return SqliteKey::kText;
  if (type.empty() || ContainsAny(type, {"BLOB"})) return SqliteKey::kUntyped;
  if (ContainsAny(type, {"REAL", "FLOA", "DOUB"})) {
    return absl::InvalidArgumentError(absl::StrCat("--feature_key: column '", key.name, "' of '",
                                                   table, "' is ", key.declared_type,
                                                   "; name a text or integer column"));
  }
  return SqliteKey::kNumber;
}

absl::StatusOr<bool> FirstValueIsNumber(SqliteConnection& connection, absl::string_view table,
                                        absl::string_view column) {
  const std::string name = absl::StrCat("row.", SqliteQuoted(column));
  auto query = connection.Prepare(absl::StrCat("SELECT ", name, " FROM ", SqliteQuoted(table),
                                               " AS row WHERE ", name, " IS NOT NULL LIMIT 1"));
  PREDICTD_RETURN_IF_ERROR(query.status());
  const auto row = query->Step();
  PREDICTD_RETURN_IF_ERROR(row.status());
  if (!*row) return false;
  return query->Type(0) == SqliteType::kInteger || query->Type(0) == SqliteType::kReal;
}

absl::Status NoSuchTable(SqliteConnection& connection, absl::string_view table) {
  const auto tables = SqliteTables(connection);
  PREDICTD_RETURN_IF_ERROR(tables.status());
  // In the list, it was made since it was looked for: the next look finds it.
  if (tables->empty() || absl::c_linear_search(*tables, table)) return NoTableYet(table);
  return absl::InvalidArgumentError(absl::StrCat("--feature_table: no table or view '", table,
                                                 "' in '", connection.path(), "'; there is ",
                                                 absl::StrJoin(*tables, ", ")));
}

std::string Names(const std::vector<SqliteColumn>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const SqliteColumn& column) {
    absl::StrAppend(out, column.name);
  });
}

}  // namespace

absl::StatusOr<SqliteFeatureTable> DescribeFeatureTable(SqliteConnection& connection,
                                                        absl::string_view table,
                                                        absl::string_view key_column) {
  const auto columns = SqliteColumns(connection, table);
  PREDICTD_RETURN_IF_ERROR(columns.status());
  if (columns->empty()) return NoSuchTable(connection, table);
  const SqliteColumn* const key = FindSqliteColumn(*columns, key_column);
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--feature_key: no column '", key_column,
                                                   "' in '", table, "' of '", connection.path(),
                                                   "'; there is ", Names(*columns)));
  }
  SqliteFeatureTable description;
  const auto judged_key = JudgeKey(*key, table);
  PREDICTD_RETURN_IF_ERROR(judged_key.status());
  description.key = *judged_key;

  const std::string quoted_key = absl::StrCat("row.", SqliteQuoted(key->name));
  description.select = absl::StrCat("SELECT ", quoted_key);
  for (const SqliteColumn& column : *columns) {
    if (&column == key) continue;
    const Judgement judgement = JudgeType(column.declared_type);
    bool is_feature = judgement == Judgement::kFeature;
    if (judgement == Judgement::kByValue) {
      const auto is_number = FirstValueIsNumber(connection, table, column.name);
      PREDICTD_RETURN_IF_ERROR(is_number.status());
      is_feature = *is_number;
    }
    (is_feature ? description.features : description.left_out).push_back(column.name);
    if (is_feature) absl::StrAppend(&description.select, ", row.", SqliteQuoted(column.name));
  }
  if (description.features.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--feature_table: '", table, "' in '", connection.path(),
        "' has no numeric or boolean column beside its key; there is ", Names(*columns)));
  }
  absl::StrAppend(&description.select, " FROM ", SqliteQuoted(table), " AS row WHERE ", quoted_key,
                  " = ?1");
  return description;
}

absl::StatusOr<bool> ScansWholeTable(SqliteConnection& connection, absl::string_view select) {
  auto query = connection.Prepare(absl::StrCat("EXPLAIN QUERY PLAN ", select));
  PREDICTD_RETURN_IF_ERROR(query.status());
  while (true) {
    const auto row = query->Step();
    PREDICTD_RETURN_IF_ERROR(row.status());
    if (!*row) return false;
    if (absl::StartsWith(query->Text(3), "SCAN")) return true;
  }
}

}  // namespace predictd
