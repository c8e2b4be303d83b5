#include "server/sql/postgres_feature_table.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"
#include "server/sql/missing_table.h"
#include "server/sql/postgres_catalog.h"
#include "server/sql/postgres_table_columns.h"

namespace predictd {
namespace {

constexpr absl::string_view kAnyUuid = "00000000-0000-0000-0000-000000000000";

absl::Status NoSuchTable(PGconn* session, const PostgresTableName& name, absl::Time deadline) {
  const auto tables = PostgresTables(session, deadline);
  PREDICTD_RETURN_IF_ERROR(tables.status());
  // In the list, it was made since it was looked for: the next look finds it.
  if (tables->empty() || absl::c_linear_search(*tables, name.table)) return NoTableYet(name.table);
  return absl::InvalidArgumentError(absl::StrCat("--feature_table: no table or view '", name.table,
                                                 "' in '", name.database, "'; there is ",
                                                 absl::StrJoin(*tables, ", ")));
}

// The column as a float8 that a float can hold or NULL; "" for a column that is no feature. A
// numeric too large for float8 would fail the whole row.
std::string FeatureExpression(const RelationColumn& column) {
  const std::string value = absl::StrCat("row.", PostgresQuoted(column.name));
  switch (column.base_type) {
    case kPostgresInt2:
    case kPostgresInt4:
    case kPostgresInt8:
    case kPostgresFloat4:
    case kPostgresFloat8:
      return absl::StrCat(value, "::float8");
    case kPostgresBool:
      return absl::StrCat(value, "::int4::float8");
    case kPostgresNumeric:
      return absl::StrCat("CASE WHEN ", value,
                          " BETWEEN -3.4028234663852886e38 AND 3.4028234663852886e38 THEN ", value,
                          "::float8 END");
    default:
      return "";
  }
}

std::string Names(const std::vector<RelationColumn>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const RelationColumn& column) {
    absl::StrAppend(out, column.name);
  });
}

const RelationColumn* FindColumn(const std::vector<RelationColumn>& columns,
                                 absl::string_view name) {
  for (const RelationColumn& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

// Sees, without reading a row, that the server takes the statement from this user.
absl::Status Try(PGconn* session, const PostgresTableName& name, const std::string& select,
                 const std::string& any_key, absl::Time deadline) {
  const auto result = RunPostgres(session, absl::StrCat(select, " LIMIT 0"), {any_key}, deadline);
  if (!absl::IsPermissionDenied(result.status())) return result.status();
  return absl::PermissionDeniedError(
      absl::StrCat("--feature_table: ", result.status().message(), " in '", name.database,
                   "'; grant the user of --feature_source SELECT on it"));
}

}  // namespace

absl::StatusOr<PostgresFeatureTable> DescribePostgresFeatures(PGconn* session,
                                                              const PostgresTableName& name,
                                                              absl::Time deadline) {
  const auto relation = FindPostgresRelation(session, name.table, deadline);
  PREDICTD_RETURN_IF_ERROR(relation.status());
  const std::vector<RelationColumn>& columns = relation->columns;
  if (columns.empty()) return NoSuchTable(session, name, deadline);
  const RelationColumn* const key = FindColumn(columns, name.key_column);
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--feature_key: no column '", name.key_column,
                                                   "' in '", name.table, "' of '", name.database,
                                                   "'; there is ", Names(columns)));
  }
  const std::optional<PostgresKey> kind = PostgresKeyOf(key->base_type);
  if (!kind) {
    return absl::InvalidArgumentError(absl::StrCat("--feature_key: column '", key->name, "' of '",
                                                   name.table, "' is ", key->type,
                                                   "; name a text, uuid or integer column"));
  }
  PostgresFeatureTable table;
  table.key = *kind;
  std::vector<std::string> features;
  std::vector<std::string> expressions;
  for (const RelationColumn& column : columns) {
    if (&column == key) continue;
    std::string expression = FeatureExpression(column);
    (expression.empty() ? table.left_out : features).push_back(column.name);
    if (!expression.empty()) expressions.push_back(std::move(expression));
  }
  if (features.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--feature_table: '", name.table, "' in '", name.database,
        "' has no numeric or boolean column beside its key; there is ", Names(columns)));
  }
  const std::string key_column = absl::StrCat("row.", PostgresQuoted(key->name));
  const std::string select =
      absl::StrCat("SELECT ARRAY[", absl::StrJoin(expressions, ", "), "]::float8[] FROM ",
                   relation->name, " AS row WHERE ", PostgresKeyEquals(*kind, key_column, "$1"));
  const std::string any_key = *kind == PostgresKey::kUuid ? std::string(kAnyUuid) : "0";
  PREDICTD_RETURN_IF_ERROR(Try(session, name, select, any_key, deadline));
  table.select = absl::StrCat(select, " LIMIT 1");
  table.schema = std::make_shared<const Schema>(std::move(features));
  table.scans = !key->indexed;
  return table;
}

}  // namespace predictd
