#include "tests/integration/harness/feature_table.h"

#include <sqlite3.h>

#include <memory>
#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace predictd::integration {
namespace {

struct CloseConnection {
  void operator()(sqlite3* connection) const { ::sqlite3_close(connection); }
};

int KeepRow(void* rows, int columns, char** values, char** /*names*/) {
  SqlRow row;
  for (int column = 0; column < columns; ++column) {
    row.emplace_back(values[column] == nullptr ? "NULL" : values[column]);
  }
  static_cast<std::vector<SqlRow>*>(rows)->push_back(std::move(row));
  return 0;
}

}  // namespace

std::vector<SqlRow> Sql(const std::string& file, const std::string& statements) {
  sqlite3* opened = nullptr;
  const int error = ::sqlite3_open(file.c_str(), &opened);
  const std::unique_ptr<sqlite3, CloseConnection> connection(opened);
  if (error != SQLITE_OK) throw std::runtime_error("cannot open " + file);
  ::sqlite3_busy_timeout(opened, 60'000);
  std::vector<SqlRow> rows;
  if (::sqlite3_exec(opened, statements.c_str(), KeepRow, &rows, nullptr) != SQLITE_OK) {
    throw std::runtime_error(
        absl::StrCat(statements.substr(0, 200), ": ", ::sqlite3_errmsg(opened)));
  }
  return rows;
}

FeatureTable::FeatureTable(int users, int features, const Value& value) {
  std::string sql = "BEGIN; CREATE TABLE user_features (user_id TEXT PRIMARY KEY";
  for (int feature = 0; feature < features; ++feature) {
    absl::StrAppend(&sql, ", f", feature, " REAL");
  }
  absl::StrAppend(&sql, ");\n");
  for (int user = 0; user < users; ++user) {
    absl::StrAppend(&sql, "INSERT INTO user_features VALUES ('u", user, "'");
    for (int feature = 0; feature < features; ++feature) {
      absl::StrAppend(&sql, ", ", value(user, feature));
    }
    absl::StrAppend(&sql, ");\n");
  }
  Run(sql + "COMMIT;");
}

}  // namespace predictd::integration
