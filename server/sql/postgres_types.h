// The types of PostgreSQL that predictd knows, and what a user id is in a key of each.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_TYPES_H_
#define PREDICTD_SERVER_SQL_POSTGRES_TYPES_H_

#include <libpq-fe.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd {

// Numbers of built-in types (PostgreSQL's pg_type.dat).
enum PostgresType : Oid {
  kPostgresBool = 16,
  kPostgresInt8 = 20,
  kPostgresInt2 = 21,
  kPostgresInt4 = 23,
  kPostgresText = 25,
  kPostgresFloat4 = 700,
  kPostgresFloat8 = 701,
  kPostgresBpchar = 1042,  // char(n)
  kPostgresVarchar = 1043,
  kPostgresNumeric = 1700,
  kPostgresUuid = 2950,
};

// SQL: the number of what is beneath pg_type's row `t`, a domain of a domain too.
inline constexpr absl::string_view kPostgresBaseType =
    "(WITH RECURSIVE base (oid, next) AS (SELECT t.oid, t.typbasetype UNION ALL "
    "SELECT u.oid, u.typbasetype FROM base JOIN pg_catalog.pg_type u ON u.oid = base.next) "
    "SELECT oid FROM base WHERE next = 0)";

enum class PostgresKey { kText, kPadded, kUuid, kInteger };

// Of a column of that type; nothing where it cannot be a key.
std::optional<PostgresKey> PostgresKeyOf(Oid base_type);

// False: no key has this text, so that there is nothing to ask the server.
bool MayBeKey(PostgresKey key, absl::string_view user_id);

// SQL: the key in `column` is that of `text`, an expression. Of texts some comparisons are wider
// than ours: that of char(n) leaves out trailing blanks, and a collation may take 'a' for 'A'.
std::string PostgresKeyEquals(PostgresKey key, absl::string_view column, absl::string_view text);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_TYPES_H_
