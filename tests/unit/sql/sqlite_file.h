// SQLite files of a test, in a folder that goes with it.
#ifndef PREDICTD_TESTS_UNIT_SQL_SQLITE_FILE_H_
#define PREDICTD_TESTS_UNIT_SQL_SQLITE_FILE_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/base/clock.h"
#include "server/sql/sqlite_connection.h"
#include "tests/catch.h"
#include "tests/fakes/temp_folder.h"

namespace predictd {

// Another program's connection to the file, which is created where there is none.
inline std::unique_ptr<SqliteConnection> Connect(const std::string& path) {
  static const SystemClock clock;
  auto connection = SqliteConnection::Open(path, SqliteConnection::Mode::kReadWrite, clock);
  REQUIRE(connection.ok());
  return *std::move(connection);
}

inline void Execute(SqliteConnection& connection, std::initializer_list<absl::string_view> sql) {
  for (const absl::string_view statement : sql) {
    const absl::Status status = connection.Execute(statement);
    INFO(std::string(statement) << ": " << status.ToString());
    REQUIRE(status.ok());
  }
}

inline void Execute(const std::string& path, std::initializer_list<absl::string_view> sql) {
  Execute(*Connect(path), sql);
}

// The first column of the first row.
inline std::string Query(const std::string& path, absl::string_view sql) {
  const auto connection = Connect(path);
  auto statement = connection->Prepare(sql);
  INFO(statement.status().ToString());
  REQUIRE(statement.ok());
  const auto row = statement->Step();
  REQUIRE(row.ok());
  REQUIRE(*row);
  return std::string(statement->Text(0));
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_SQL_SQLITE_FILE_H_
