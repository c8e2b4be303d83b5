#include "server/sql/sqlite_columns.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/base/status.h"

namespace predictd {
namespace {

// pragma_table_xinfo's column `hidden`.
enum Hidden { kVisible = 0, kHidden = 1, kGenerated = 2, kStoredGenerated = 3 };

}  // namespace

absl::StatusOr<std::vector<SqliteColumn>> SqliteColumns(SqliteConnection& connection,
                                                        absl::string_view table) {
  auto query = connection.Prepare(
      R"(SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?1))");
  PREDICTD_RETURN_IF_ERROR(query.status());
  query->BindText(1, table);
  std::vector<SqliteColumn> columns;
  while (true) {
    const auto row = query->Step();
    PREDICTD_RETURN_IF_ERROR(row.status());
    if (!*row) return columns;
    const int64_t hidden = query->Integer(5);
    if (hidden == kHidden) continue;
    SqliteColumn& column = columns.emplace_back();
    column.name = std::string(query->Text(0));
    column.declared_type = std::string(query->Text(1));
    column.not_null = query->Integer(2) != 0;
    column.has_default = query->Type(3) != SqliteType::kNull || hidden != kVisible;
    column.primary_key = query->Integer(4) != 0;
  }
}

absl::StatusOr<std::vector<std::string>> SqliteTables(SqliteConnection& connection) {
  auto query = connection.Prepare(
      "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND "
      R"(name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name)");
  PREDICTD_RETURN_IF_ERROR(query.status());
  std::vector<std::string> names;
  while (true) {
    const auto row = query->Step();
    PREDICTD_RETURN_IF_ERROR(row.status());
    if (!*row) return names;
    names.emplace_back(query->Text(0));
  }
}

const SqliteColumn* FindSqliteColumn(const std::vector<SqliteColumn>& columns,
                                     absl::string_view name) {
  for (const SqliteColumn& column : columns) {
    if (absl::EqualsIgnoreCase(column.name, name)) return &column;
  }
  return nullptr;
}

std::string SqliteQuoted(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

}  // namespace predictd
