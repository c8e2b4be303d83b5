#include "server/sql/postgres_table_columns.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/base/status.h"
#include "server/sql/postgres_types.h"

namespace predictd {
namespace {

constexpr absl::string_view kTable = "coalesce(to_regclass($1::text), to_regclass($2::text))";

constexpr absl::string_view kSelectTable =
    "SELECT c.oid::regclass, c.relkind IN ('r', 'p'), has_table_privilege(c.oid, 'SELECT'), "
    "has_table_privilege(c.oid, 'INSERT') FROM pg_catalog.pg_class c WHERE c.oid = ";

// char(n) pads a text, so that it is not what was written.
constexpr absl::string_view kSelectColumns =
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), b.oid, "
    "b.typcategory = 'S' AND b.typname <> 'bpchar', a.attnotnull OR t.typnotnull, "
    "a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, "
    "a.attgenerated <> '' OR a.attidentity = 'a' "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "JOIN pg_catalog.pg_type b ON b.oid = ";
constexpr absl::string_view kOfTable =
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ";

constexpr absl::string_view kSelectIndexes =
    "SELECT a.attname, pg_get_expr(i.indpred, i.indrelid) FROM pg_catalog.pg_index i "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
    "WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1 "
    "AND i.indrelid = ";

}  // namespace

std::string PostgresQuoted(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

std::string PostgresQuotedPath(absl::string_view name) {
  const size_t dot = name.find('.');
  if (dot == absl::string_view::npos) return PostgresQuoted(name);
  return absl::StrCat(PostgresQuoted(name.substr(0, dot)), ".",
                      PostgresQuoted(name.substr(dot + 1)));
}

const PostgresColumn* FindPostgresColumn(const PostgresTable& table, absl::string_view name) {
  for (const PostgresColumn& column : table.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

absl::StatusOr<std::optional<PostgresTable>> DescribePostgresTable(PostgresSession& session,
                                                                   absl::string_view name,
                                                                   absl::Time deadline) {
  const std::string path = PostgresQuotedPath(name);
  const std::string whole = PostgresQuoted(name);
  const std::vector<PostgresStatement> statements = {
      {absl::StrCat(kSelectTable, kTable), {path, whole}},
      {absl::StrCat(kSelectColumns, kPostgresBaseType, kOfTable, kTable, " ORDER BY a.attnum"),
       {path, whole}},
      {absl::StrCat(kSelectIndexes, kTable), {path, whole}}};
  const auto results = session.Transact(statements, deadline);
  PREDICTD_RETURN_IF_ERROR(results.status());
  const PostgresResult& tables = (*results)[0];
  const PostgresResult& columns = (*results)[1];
  const PostgresResult& indexes = (*results)[2];
  if (tables.rows() == 0) return std::nullopt;

  PostgresTable table;
  table.sql_name = std::string(tables.Text(0, 0));
  table.is_table = tables.IsTrue(0, 1);
  table.may_select = tables.IsTrue(0, 2);
  table.may_insert = tables.IsTrue(0, 3);
  for (int row = 0; row < columns.rows(); ++row) {
    PostgresColumn& column = table.columns.emplace_back();
    column.name = std::string(columns.Text(row, 0));
    column.declared_type = std::string(columns.Text(row, 1));
    if (!absl::SimpleAtoi(columns.Text(row, 2), &column.base_type)) column.base_type = 0;
    column.is_text = columns.IsTrue(row, 3);
    column.not_null = columns.IsTrue(row, 4);
    column.has_default = columns.IsTrue(row, 5);
    column.generated = columns.IsTrue(row, 6);
  }
  for (int row = 0; row < indexes.rows(); ++row) {
    table.unique_indexes.push_back(
        {std::string(indexes.Text(row, 0)), std::string(indexes.Text(row, 1))});
  }
  return table;
}

}  // namespace predictd
