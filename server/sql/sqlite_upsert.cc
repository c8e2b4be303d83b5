#include "server/sql/sqlite_upsert.h"

#include <algorithm>
#include <limits>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/sqlite_columns.h"

namespace predictd {
namespace {

constexpr size_t kAnyLength = std::numeric_limits<size_t>::max();

absl::StatusOr<bool> Exists(SqliteConnection& connection, absl::string_view sql,
                            absl::string_view first, absl::string_view second = "") {
  auto query = connection.Prepare(sql);
  PREDICTD_RETURN_IF_ERROR(query.status());
  query->BindText(1, first);
  if (!second.empty()) query->BindText(2, second);
  return query->Step();
}

absl::Status CreateTable(SqliteConnection& connection, absl::string_view table,
                         absl::string_view key_column, absl::Span<const std::string> names) {
  std::string sql = absl::StrCat("CREATE TABLE ", SqliteQuoted(table), " (",
                                 SqliteQuoted(key_column), " TEXT PRIMARY KEY");
  for (const std::string& name : names) absl::StrAppend(&sql, ", ", SqliteQuoted(name), " REAL");
  return connection.Execute(absl::StrCat(sql, ")"));
}

absl::Status CheckIsTable(SqliteConnection& connection, absl::string_view table) {
  const auto is_view =
      Exists(connection,
             "SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?1 COLLATE NOCASE", table);
  PREDICTD_RETURN_IF_ERROR(is_view.status());
  if (!*is_view) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("'", table, "' in '", connection.path(),
                   "' is a view, which cannot be written; name its table with --feature_table"));
}

absl::Status CheckIsUnique(SqliteConnection& connection, absl::string_view table,
                           const std::vector<SqliteColumn>& columns, const SqliteColumn& key) {
  const auto keys = std::count_if(columns.begin(), columns.end(),
                                  [](const SqliteColumn& column) { return column.primary_key; });
  if (key.primary_key && keys == 1) return absl::OkStatus();
  const auto index = Exists(
      connection,
      "SELECT 1 FROM pragma_index_list(?1) AS list WHERE list.\"unique\" AND NOT list.partial "
      "AND (SELECT count(*) FROM pragma_index_info(list.name)) = 1 "
      "AND (SELECT name FROM pragma_index_info(list.name)) = ?2",
      table, key.name);
  PREDICTD_RETURN_IF_ERROR(index.status());
  if (*index) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "'", table, "' in '", connection.path(), "' has no unique index on '", key.name,
      "'; create one: CREATE UNIQUE INDEX ", SqliteQuoted(absl::StrCat(table, "_", key.name)),
      " ON ", SqliteQuoted(table), " (", SqliteQuoted(key.name), ")"));
}

FeatureColumn ToFeatureColumn(const SqliteColumn& column) {
  const std::string type = absl::AsciiStrToUpper(column.declared_type);
  if (absl::StrContains(type, "INT")) return IntegerColumn(column.name, 8);
  if (absl::StrContains(type, "BOOL")) return BooleanColumn(column.name);
  return RealColumn(column.name);
}

// The columns named, in order.
absl::Status FindNamed(const std::vector<SqliteColumn>& columns,
                       const std::vector<std::string>& features, absl::string_view table,
                       absl::Span<const std::string> names, SqliteUpsert& plan) {
  absl::flat_hash_set<const SqliteColumn*> seen;
  for (const std::string& name : names) {
    const SqliteColumn* const column = FindSqliteColumn(columns, name);
    if (column == nullptr ||
        std::find(features.begin(), features.end(), column->name) == features.end()) {
      return absl::InvalidArgumentError(absl::StrCat("names: '", name,
                                                     "' is no feature column of '", table,
                                                     "'; there is ", ListOfNames(features)));
    }
    if (!seen.insert(column).second) {
      return absl::InvalidArgumentError(absl::StrCat("names: '", name, "' is there twice"));
    }
    plan.columns.push_back(ToFeatureColumn(*column));
  }
  return absl::OkStatus();
}

std::string NeededColumn(const std::vector<SqliteColumn>& columns, const SqliteColumn& key,
                         const SqliteUpsert& plan) {
  for (const SqliteColumn& column : columns) {
    if (&column == &key || !column.not_null || column.has_default) continue;
    const bool named =
        std::any_of(plan.columns.begin(), plan.columns.end(),
                    [&](const FeatureColumn& feature) { return feature.name == column.name; });
    if (!named) return column.name;
  }
  return "";
}

std::string WriteSql(absl::string_view table, absl::string_view key, const SqliteUpsert& plan) {
  const bool update_only = !plan.needed_column.empty();
  std::string list = SqliteQuoted(key);
  std::string values = "?1";
  std::string set;
  int parameter = 1;
  for (const FeatureColumn& column : plan.columns) {
    const std::string name = SqliteQuoted(column.name);
    absl::StrAppend(&list, ", ", name);
    absl::StrAppend(&values, ", ?", ++parameter);
    absl::StrAppend(&set, set.empty() ? "" : ", ", name, " = ",
                    update_only ? absl::StrCat("?", parameter) : absl::StrCat("excluded.", name));
  }
  // Whatever collation the column has: "a" is not "A".
  const std::string where =
      absl::StrCat("row.", SqliteQuoted(key), " = ", update_only ? "?1" : "excluded.",
                   update_only ? "" : SqliteQuoted(key), " COLLATE BINARY");
  if (update_only) {
    return absl::StrCat("UPDATE ", SqliteQuoted(table), " AS row SET ", set, " WHERE ", where);
  }
  return absl::StrCat("INSERT INTO ", SqliteQuoted(table), " AS row (", list, ") VALUES (", values,
                      ") ON CONFLICT (", SqliteQuoted(key), ") DO UPDATE SET ", set, " WHERE ",
                      where);
}

}  // namespace

absl::StatusOr<SqliteUpsert> PlanSqliteUpsert(SqliteConnection& connection, absl::string_view table,
                                              absl::string_view key_column,
                                              absl::Span<const std::string> names) {
  PREDICTD_RETURN_IF_ERROR(CheckFeatureNames(names, key_column, kAnyLength));
  auto columns = SqliteColumns(connection, table);
  PREDICTD_RETURN_IF_ERROR(columns.status());
  if (columns->empty()) {
    PREDICTD_RETURN_IF_ERROR(CreateTable(connection, table, key_column, names));
    columns = SqliteColumns(connection, table);
    PREDICTD_RETURN_IF_ERROR(columns.status());
  }
  PREDICTD_RETURN_IF_ERROR(CheckIsTable(connection, table));
  const auto description = DescribeFeatureTable(connection, table, key_column);
  if (absl::IsInvalidArgument(description.status())) {
    return absl::FailedPreconditionError(description.status().message());
  }
  PREDICTD_RETURN_IF_ERROR(description.status());
  const SqliteColumn& key = *FindSqliteColumn(*columns, key_column);
  PREDICTD_RETURN_IF_ERROR(CheckIsUnique(connection, table, *columns, key));

  SqliteUpsert plan;
  plan.key = description->key;
  plan.integer_key = absl::StrContains(absl::AsciiStrToUpper(key.declared_type), "INT");
  PREDICTD_RETURN_IF_ERROR(FindNamed(*columns, description->features, table, names, plan));
  plan.needed_column = NeededColumn(*columns, key, plan);
  plan.sql = WriteSql(table, key.name, plan);
  plan.select_number = absl::StrCat("SELECT 1 FROM ", SqliteQuoted(table), " AS row WHERE row.",
                                    SqliteQuoted(key.name), " = ?1");
  return plan;
}

}  // namespace predictd
