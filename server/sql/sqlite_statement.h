// A prepared statement.
#ifndef PREDICTD_SERVER_SQL_SQLITE_STATEMENT_H_
#define PREDICTD_SERVER_SQL_SQLITE_STATEMENT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3_stmt;

namespace predictd {

class SqliteConnection;

// Numbers equal SQLite's.
enum class SqliteType { kInteger = 1, kReal = 2, kText = 3, kBlob = 4, kNull = 5 };

// Belongs to its connection's thread and ends before its connection. A statement that returned rows
// keeps its read lock until Reset.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteConnection& connection, sqlite3_stmt* statement)
      : connection_(&connection), statement_(statement) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  // Parameters count from 1 and stay bound over Reset. The text is not copied: it lives until the
  // parameter is bound again or the statement has run. What cannot be bound fails the next Step.
  void BindText(int parameter, absl::string_view text);
  void BindInteger(int parameter, int64_t value);
  void BindReal(int parameter, double value);  // NaN = NULL

  // True: there is a row. False: the statement is done.
  absl::StatusOr<bool> Step();
  void Reset();

  // Of the current row, columns count from 0. Text is valid until the next Step or Reset; a
  // number's text is its canonical one.
  SqliteType Type(int column) const;
  int64_t Integer(int column) const;
  double Real(int column) const;
  absl::string_view Text(int column);

 private:
  const SqliteConnection* connection_;
  sqlite3_stmt* statement_;
  int bind_error_ = 0;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_STATEMENT_H_
