// A source on a file that a test fills.
#ifndef PREDICTD_TESTS_UNIT_SQL_SOURCE_FILE_H_
#define PREDICTD_TESTS_UNIT_SQL_SOURCE_FILE_H_

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/sql/sqlite_source.h"
#include "tests/catch.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {

class SourceFile {
 public:
  explicit SourceFile(std::initializer_list<absl::string_view> sql) { Execute(path(), sql); }

  std::string path() const { return folder_.File("users.db"); }

  absl::Status Open(std::string table = "user_features", std::string key = "user_id") {
    SqliteSource::Options options;
    options.path = path();
    options.table = std::move(table);
    options.key_column = std::move(key);
    auto source = SqliteSource::Create(std::move(options), clock_, metrics_);
    if (!source.ok()) return source.status();
    source_ = *std::move(source);
    return absl::OkStatus();
  }

  std::vector<std::string> names() const { return source_->schema()->names(); }

  std::optional<FeatureRow> Read(std::string user_id) {
    auto row = Await(loop_, source_->Read(loop_, std::move(user_id), absl::InfiniteFuture()));
    INFO(row.status().ToString());
    REQUIRE(row.ok());
    return *std::move(row);
  }
  bool Has(std::string user_id) { return Read(std::move(user_id)).has_value(); }
  std::vector<float> Values(std::string user_id) {
    const std::optional<FeatureRow> row = Read(std::move(user_id));
    REQUIRE(row.has_value());
    return {row->values.begin(), row->values.end()};
  }

  SystemClock clock_;
  SleepingLoop loop_{clock_};

 private:
  Metrics metrics_;
  TempFolder folder_;
  std::unique_ptr<SqliteSource> source_;
};

inline void CheckError(const absl::Status& status, std::initializer_list<const char*> parts) {
  const std::string message(status.message());
  INFO(message);
  REQUIRE(!status.ok());
  CHECK(message.find('\n') == std::string::npos);
  for (const char* part : parts) CHECK(message.find(part) != std::string::npos);
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_SQL_SOURCE_FILE_H_
