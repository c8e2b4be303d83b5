#include "server/sql/postgres_feature_table.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "server/base/status.h"
#include "server/base/utf8.h"
#include "server/sql/canonical_integer.h"
#include "server/sql/missing_table.h"

namespace predictd {
namespace {

// Numbers of PostgreSQL's built-in types (its pg_type.dat).
enum Type : Oid {
  kBool = 16,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kBpchar = 1042,
  kVarchar = 1043,
  kNumeric = 1700,
  kUuid = 2950,
};

constexpr absl::string_view kAnyUuid = "00000000-0000-0000-0000-000000000000";

struct Column {
  std::string name;
  std::string type;  // as the user knows it
  Oid base_type;     // beneath a domain
  bool indexed;      // first in some index, or of a view
};

struct Relation {
  std::string name;  // qualified and quoted
  std::vector<Column> columns;
};

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

// "schema.table" with each part quoted.
std::string QuotedPath(absl::string_view name) {
  const size_t dot = name.find('.');
  if (dot == absl::string_view::npos) return Quoted(name);
  return absl::StrCat(Quoted(name.substr(0, dot)), ".", Quoted(name.substr(dot + 1)));
}

std::string Value(const PostgresResult& result, int row, int column) {
  return PQgetvalue(result.get(), row, column);
}

absl::StatusOr<Relation> FindRelation(PGconn* session, absl::string_view table,
                                      absl::Time deadline) {
  // A dot may also be part of the table's name.
  const auto result = RunPostgres(session,
                                  R"(
      SELECT a.attname, format_type(a.atttypid, a.atttypmod),
             coalesce(nullif(t.typbasetype, 0), t.oid), format('%I.%I', n.nspname, c.relname),
             c.relkind NOT IN ('r', 'm', 'p') OR EXISTS (
               SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid)
      FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE c.oid = coalesce(to_regclass($1), to_regclass($2))
            AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum)",
                                  {QuotedPath(table), Quoted(table)}, deadline);
  PREDICTD_RETURN_IF_ERROR(result.status());
  Relation relation;
  for (int i = 0; i < PQntuples(result->get()); ++i) {
    Column& column = relation.columns.emplace_back();
    column.name = Value(*result, i, 0);
    column.type = Value(*result, i, 1);
    column.base_type = static_cast<Oid>(std::stoul(Value(*result, i, 2)));
    relation.name = Value(*result, i, 3);
    column.indexed = Value(*result, i, 4) == "t";
  }
  return relation;
}

absl::Status NoSuchTable(PGconn* session, const PostgresTableName& name, absl::Time deadline) {
  // Neither what extensions brought nor our own table of predictions is somebody's data.
  const auto result = RunPostgres(session, R"(
      SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text
                  ELSE n.nspname || '.' || c.relname END AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema'
            AND n.nspname !~ '^pg_' AND c.relname <> 'predictions'
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
                            AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
      ORDER BY name LIMIT 30)",
                                  {}, deadline);
  PREDICTD_RETURN_IF_ERROR(result.status());
  std::vector<std::string> tables;
  for (int i = 0; i < PQntuples(result->get()); ++i) tables.push_back(Value(*result, i, 0));
  if (tables.empty()) return NoTableYet(name.table);
  return absl::InvalidArgumentError(absl::StrCat("--feature_table: no table or view '", name.table,
                                                 "' in '", name.database, "'; there is ",
                                                 absl::StrJoin(tables, ", ")));
}

std::optional<PostgresKey> JudgeKey(const Column& key) {
  switch (key.base_type) {
    case kInt2:
    case kInt4:
    case kInt8:
      return PostgresKey::kInteger;
    case kUuid:
      return PostgresKey::kUuid;
    case kText:
    case kVarchar:
    case kBpchar:
      return PostgresKey::kText;
    default:
      return std::nullopt;
  }
}

// The comparison of the key with the parameter. Of texts some comparisons are wider than ours: that
// of `char` leaves out trailing blanks, and a collation may take 'a' for 'A'.
std::string KeyCondition(const Column& key, PostgresKey kind) {
  const std::string column = absl::StrCat("row.", Quoted(key.name));
  switch (kind) {
    case PostgresKey::kInteger:
      return absl::StrCat(column, " = $1::int8");
    case PostgresKey::kUuid:
      return absl::StrCat(column, " = $1::uuid");
    case PostgresKey::kText:
      break;
  }
  const absl::string_view type = key.base_type == kBpchar ? "::bpchar" : "";
  return absl::StrCat(column, " = $1::text", type, " AND ", column,
                      "::text COLLATE \"C\" = $1::text");
}

// The column as a float8 that a float can hold or NULL; "" for a column that is no feature. A
// numeric too large for float8 would fail the whole row.
std::string FeatureExpression(const Column& column) {
  const std::string value = absl::StrCat("row.", Quoted(column.name));
  switch (column.base_type) {
    case kInt2:
    case kInt4:
    case kInt8:
    case kFloat4:
    case kFloat8:
      return absl::StrCat(value, "::float8");
    case kBool:
      return absl::StrCat(value, "::int4::float8");
    case kNumeric:
      return absl::StrCat("CASE WHEN ", value,
                          " BETWEEN -3.4028234663852886e38 AND 3.4028234663852886e38 THEN ", value,
                          "::float8 END");
    default:
      return "";
  }
}

// As PostgreSQL writes one.
bool IsCanonicalUuid(absl::string_view text) {
  if (text.size() != kAnyUuid.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = absl::ascii_isdigit(static_cast<unsigned char>(text[i])) ||
                       (text[i] >= 'a' && text[i] <= 'f');
    if (kAnyUuid[i] == '-' ? text[i] != '-' : !digit) return false;
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

std::string Names(const std::vector<Column>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const Column& column) {
    absl::StrAppend(out, column.name);
  });
}

const Column* FindColumn(const std::vector<Column>& columns, absl::string_view name) {
  for (const Column& column : columns) {
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

absl::StatusOr<PostgresFeatureTable> DescribePostgresTable(PGconn* session,
                                                           const PostgresTableName& name,
                                                           absl::Time deadline) {
  const auto relation = FindRelation(session, name.table, deadline);
  PREDICTD_RETURN_IF_ERROR(relation.status());
  const std::vector<Column>& columns = relation->columns;
  if (columns.empty()) return NoSuchTable(session, name, deadline);
  const Column* const key = FindColumn(columns, name.key_column);
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--feature_key: no column '", name.key_column,
                                                   "' in '", name.table, "' of '", name.database,
                                                   "'; there is ", Names(columns)));
  }
  const std::optional<PostgresKey> kind = JudgeKey(*key);
  if (!kind) {
    return absl::InvalidArgumentError(absl::StrCat("--feature_key: column '", key->name, "' of '",
                                                   name.table, "' is ", key->type,
                                                   "; name a text, uuid or integer column"));
  }
  PostgresFeatureTable table;
  table.key = *kind;
  std::vector<std::string> features;
  std::vector<std::string> expressions;
  for (const Column& column : columns) {
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
  const std::string select =
      absl::StrCat("SELECT ARRAY[", absl::StrJoin(expressions, ", "), "]::float8[] FROM ",
                   relation->name, " AS row WHERE ", KeyCondition(*key, *kind));
  const std::string any_key = *kind == PostgresKey::kUuid ? std::string(kAnyUuid) : "0";
  PREDICTD_RETURN_IF_ERROR(Try(session, name, select, any_key, deadline));
  table.select = absl::StrCat(select, " LIMIT 1");
  table.schema = std::make_shared<const Schema>(std::move(features));
  table.scans = !key->indexed;
  return table;
}

bool PostgresFeatureTable::MayHave(absl::string_view user_id) const {
  switch (key) {
    case PostgresKey::kInteger:
      return CanonicalInteger(user_id).has_value();
    case PostgresKey::kUuid:
      return IsCanonicalUuid(user_id);
    case PostgresKey::kText:
      return IsText(user_id);
  }
  return false;
}

}  // namespace predictd
