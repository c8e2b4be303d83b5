#include "server/sql/postgres_catalog.h"

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/postgres_table_columns.h"
#include "server/sql/postgres_types.h"

namespace predictd {
namespace {

std::string Value(const LibpqResult& result, int row, int column) {
  return PQgetvalue(result.get(), row, column);
}

}  // namespace

absl::StatusOr<PostgresRelation> FindPostgresRelation(PGconn* session, absl::string_view table,
                                                      absl::Time deadline) {
  // A dot may also be part of the table's name.
  const std::string select =
      absl::StrCat(R"(
      SELECT a.attname, format_type(a.atttypid, a.atttypmod), )",
                   kPostgresBaseType, R"(, format('%I.%I', n.nspname, c.relname),
             c.relkind NOT IN ('r', 'm', 'p') OR EXISTS (
               SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid)
      FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE c.oid = coalesce(to_regclass($1), to_regclass($2))
            AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum)");
  const auto result =
      RunPostgres(session, select, {PostgresQuotedPath(table), PostgresQuoted(table)}, deadline);
  PREDICTD_RETURN_IF_ERROR(result.status());
  PostgresRelation relation;
  for (int i = 0; i < PQntuples(result->get()); ++i) {
    RelationColumn& column = relation.columns.emplace_back();
    column.name = Value(*result, i, 0);
    column.type = Value(*result, i, 1);
    column.base_type = static_cast<Oid>(std::stoul(Value(*result, i, 2)));
    relation.name = Value(*result, i, 3);
    column.indexed = Value(*result, i, 4) == "t";
  }
  return relation;
}

absl::StatusOr<std::vector<std::string>> PostgresTables(PGconn* session, absl::Time deadline) {
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
  return tables;
}

}  // namespace predictd
