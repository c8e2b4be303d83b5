#include "server/sql/postgres_upsert.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/postgres_table_columns.h"

namespace predictd {
namespace {

// PostgreSQL cuts longer names off (NAMEDATALEN - 1).
constexpr size_t kLongestName = 63;

// Bytes of an integer type; 0 for others.
int IntegerBytes(absl::string_view base_type) {
  if (base_type == "int2") return 2;
  if (base_type == "int4") return 4;
  if (base_type == "int8") return 8;
  return 0;
}

// Nothing where the column is no feature, or only the server writes it.
std::optional<FeatureColumn> ToFeatureColumn(const PostgresColumn& column) {
  if (column.generated) return std::nullopt;
  if (const int bytes = IntegerBytes(column.base_type); bytes > 0) {
    return IntegerColumn(column.name, bytes);
  }
  if (column.base_type == "bool") return BooleanColumn(column.name);
  for (const absl::string_view type : {"float4", "float8", "numeric"}) {
    if (column.base_type == type) return RealColumn(column.name);
  }
  return std::nullopt;
}

absl::Status CreateTable(PostgresSession& session, absl::string_view table,
                         absl::string_view key_column, absl::Span<const std::string> names,
                         absl::Time deadline) {
  PostgresStatement create{absl::StrCat("CREATE TABLE IF NOT EXISTS ", PostgresQuotedPath(table),
                                        " (", PostgresQuoted(key_column), " TEXT PRIMARY KEY")};
  for (const std::string& name : names) {
    absl::StrAppend(&create.sql, ", ", PostgresQuoted(name), " DOUBLE PRECISION");
  }
  create.sql += ')';
  return session.Transact({&create, 1}, deadline).status();
}

absl::Status CheckTarget(const PostgresTable& table, absl::string_view key_column) {
  if (!table.is_table) {
    return absl::FailedPreconditionError(
        absl::StrCat(table.sql_name,
                     " is a view or a foreign table, which cannot be written; "
                     "name its table with --feature_table"));
  }
  const PostgresColumn* const key = FindPostgresColumn(table, key_column);
  if (key == nullptr) {
    std::vector<std::string> names;
    for (const PostgresColumn& column : table.columns) names.push_back(column.name);
    return absl::FailedPreconditionError(absl::StrCat("--feature_key: no column '", key_column,
                                                      "' in ", table.sql_name, "; there is ",
                                                      ListOfNames(names)));
  }
  if (!key->is_text && IntegerBytes(key->base_type) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("--feature_key: column '", key_column, "' of ", table.sql_name, " is ",
                     key->declared_type, "; name a text or integer column"));
  }
  const bool unique = std::any_of(table.unique_indexes.begin(), table.unique_indexes.end(),
                                  [&](const PostgresUniqueIndex& index) {
                                    return index.column == key_column && index.condition.empty();
                                  });
  if (!unique) {
    return absl::FailedPreconditionError(
        absl::StrCat(table.sql_name, " has no unique index on '", key_column,
                     "'; create one: CREATE UNIQUE INDEX ON ", table.sql_name, " (",
                     PostgresQuoted(key_column), ")"));
  }
  return absl::OkStatus();
}

// The columns named, in order.
absl::Status FindNamed(const PostgresTable& table, absl::string_view key_column,
                       absl::Span<const std::string> names, PostgresUpsert& plan) {
  std::vector<std::string> features;
  for (const PostgresColumn& column : table.columns) {
    if (column.name != key_column && ToFeatureColumn(column)) features.push_back(column.name);
  }
  for (const std::string& name : names) {
    if (std::find(features.begin(), features.end(), name) == features.end()) {
      return absl::InvalidArgumentError(absl::StrCat("names: '", name, "' is no feature column of ",
                                                     table.sql_name, "; there is ",
                                                     ListOfNames(features)));
    }
    plan.columns.push_back(*ToFeatureColumn(*FindPostgresColumn(table, name)));
  }
  return absl::OkStatus();
}

std::string NeededColumn(const PostgresTable& table, absl::string_view key_column,
                         absl::Span<const std::string> names) {
  for (const PostgresColumn& column : table.columns) {
    if (!column.not_null || column.has_default || column.generated) continue;
    if (column.name == key_column) continue;
    if (std::find(names.begin(), names.end(), column.name) == names.end()) return column.name;
  }
  return "";
}

std::string WriteSql(const PostgresTable& table, absl::string_view key_column,
                     const PostgresUpsert& plan) {
  const std::string key = PostgresQuoted(key_column);
  const std::string given_key = plan.key_bytes > 0 ? "given.key::int8" : "given.key";
  const bool update_only = !plan.needed_column.empty();
  std::string arrays = "$1::text[]";
  std::string given = "key";
  std::string list = key;
  std::string values = given_key;
  std::string set;
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const std::string name = PostgresQuoted(plan.columns[i].name);
    const std::string type = FindPostgresColumn(table, plan.columns[i].name)->base_type;
    absl::StrAppend(&arrays, ", $", i + 2, "::float8[]");
    absl::StrAppend(&given, ", v", i);
    // There is no cast from a number to a boolean.
    const std::string value =
        type == "bool" ? absl::StrCat("given.v", i, " <> 0") : absl::StrCat("given.v", i);
    absl::StrAppend(&list, ", ", name);
    absl::StrAppend(&values, ", ", value);
    absl::StrAppend(&set, set.empty() ? "" : ", ", name, " = ",
                    update_only ? value : absl::StrCat("EXCLUDED.", name));
  }
  const std::string from =
      absl::StrCat(" FROM unnest(", arrays, ") WITH ORDINALITY AS given(", given, ", position)");
  if (update_only) {
    return absl::StrCat("UPDATE ", table.sql_name, " AS stored SET ", set, from, " WHERE stored.",
                        key, " = ", given_key, " RETURNING given.position");
  }
  return absl::StrCat("INSERT INTO ", table.sql_name, " AS stored (", list, ") SELECT ", values,
                      from, " ON CONFLICT (", key, ") DO UPDATE SET ", set);
}

}  // namespace

absl::StatusOr<PostgresUpsert> PlanPostgresUpsert(PostgresSession& session, absl::string_view table,
                                                  absl::string_view key_column,
                                                  absl::Span<const std::string> names,
                                                  absl::Time deadline) {
  PREDICTD_RETURN_IF_ERROR(CheckFeatureNames(names, key_column, kLongestName));
  auto description = DescribePostgresTable(session, table, deadline);
  PREDICTD_RETURN_IF_ERROR(description.status());
  if (!*description) {
    const absl::Status created = CreateTable(session, table, key_column, names, deadline);
    if (session.broken()) return created;
    // Where somebody else was faster, theirs is as good.
    description = DescribePostgresTable(session, table, deadline);
    PREDICTD_RETURN_IF_ERROR(description.status());
    if (!*description) {
      return created.ok() ? absl::InternalError(absl::StrCat("'", table, "' cannot be created"))
                          : created;
    }
  }
  const PostgresTable& found = **description;
  PREDICTD_RETURN_IF_ERROR(CheckTarget(found, key_column));
  PostgresUpsert plan;
  plan.key_bytes = IntegerBytes(FindPostgresColumn(found, key_column)->base_type);
  PREDICTD_RETURN_IF_ERROR(FindNamed(found, key_column, names, plan));
  plan.needed_column = NeededColumn(found, key_column, names);
  plan.sql = WriteSql(found, key_column, plan);
  return plan;
}

}  // namespace predictd
