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
int IntegerBytes(Oid base_type) {
  if (base_type == kPostgresInt2) return 2;
  if (base_type == kPostgresInt4) return 4;
  return base_type == kPostgresInt8 ? 8 : 0;
}

// Nothing where the column is no feature, or only the server writes it.
std::optional<FeatureColumn> ToFeatureColumn(const PostgresColumn& column) {
  if (column.generated) return std::nullopt;
  switch (column.base_type) {
    case kPostgresInt2:
    case kPostgresInt4:
    case kPostgresInt8:
      return IntegerColumn(column.name, IntegerBytes(column.base_type));
    case kPostgresBool:
      return BooleanColumn(column.name);
    case kPostgresFloat4:
    case kPostgresFloat8:
    case kPostgresNumeric:
      return RealColumn(column.name);
    default:
      return std::nullopt;
  }
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
  if (!PostgresKeyOf(key->base_type)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--feature_key: column '", key_column, "' of ", table.sql_name, " is ",
                     key->declared_type, "; name a text, uuid or integer column"));
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

// The table needs a value for it, which was not named: only rows that are there can be written. ""
// = there is none.
std::string NeededColumn(const PostgresTable& table, absl::string_view key_column,
                         absl::Span<const std::string> names) {
  for (const PostgresColumn& column : table.columns) {
    if (!column.not_null || column.has_default || column.generated) continue;
    if (column.name == key_column) continue;
    if (std::find(names.begin(), names.end(), column.name) == names.end()) return column.name;
  }
  return "";
}

// A text key may be, for the table's comparison, another user's: that one's row is not ours to
// write.
bool ComparesTexts(PostgresKey key) {
  return key == PostgresKey::kText || key == PostgresKey::kPadded;
}

absl::string_view GivenKey(PostgresKey key) {
  if (key == PostgresKey::kInteger) return "given.key::int8";
  return key == PostgresKey::kUuid ? "given.key::uuid" : "given.key";
}

std::string WriteSql(const PostgresTable& table, absl::string_view key_column,
                     const PostgresUpsert& plan, bool update_only) {
  const std::string key = PostgresQuoted(key_column);
  std::string arrays = "$1::text[]";
  std::string given = "key";
  std::string list = key;
  std::string values(GivenKey(plan.key));
  std::string set;
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const std::string name = PostgresQuoted(plan.columns[i].name);
    const Oid type = FindPostgresColumn(table, plan.columns[i].name)->base_type;
    absl::StrAppend(&arrays, ", $", i + 2, "::float8[]");
    absl::StrAppend(&given, ", v", i);
    // There is no cast from a number to a boolean.
    const std::string value =
        type == kPostgresBool ? absl::StrCat("given.v", i, " <> 0") : absl::StrCat("given.v", i);
    absl::StrAppend(&list, ", ", name);
    absl::StrAppend(&values, ", ", value);
    absl::StrAppend(&set, set.empty() ? "" : ", ", name, " = ",
                    update_only ? value : absl::StrCat("EXCLUDED.", name));
  }
  const std::string from = absl::StrCat(" FROM unnest(", arrays, ") AS given(", given, ")");
  const std::string stored = absl::StrCat("stored.", key);
  if (update_only) {
    return absl::StrCat("UPDATE ", table.sql_name, " AS stored SET ", set, from, " WHERE ",
                        PostgresKeyEquals(plan.key, stored, "given.key"), " RETURNING given.key");
  }
  std::string insert =
      absl::StrCat("INSERT INTO ", table.sql_name, " AS stored (", list, ") SELECT ", values, from,
                   " ON CONFLICT (", key, ") DO UPDATE SET ", set);
  if (ComparesTexts(plan.key)) {
    absl::StrAppend(&insert, " WHERE ", stored, "::text COLLATE \"C\" = EXCLUDED.", key,
                    "::text RETURNING ", stored, "::text");
  }
  return insert;
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
  const Oid key_type = FindPostgresColumn(found, key_column)->base_type;
  plan.key = *PostgresKeyOf(key_type);
  plan.key_bytes = IntegerBytes(key_type);
  PREDICTD_RETURN_IF_ERROR(FindNamed(found, key_column, names, plan));
  const std::string needed = NeededColumn(found, key_column, names);
  if (!needed.empty()) {
    plan.refusal =
        absl::StrCat("the user is new, and the table needs a value for column '", needed, "'");
  } else if (ComparesTexts(plan.key)) {
    plan.refusal = "the table takes the user id for another one that it has";
  }
  plan.sql = WriteSql(found, key_column, plan, !needed.empty());
  return plan;
}

}  // namespace predictd
