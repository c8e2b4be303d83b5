// A sink of features of either kind, with what a test wants to see of its table.
#ifndef PREDICTD_TESTS_STORES_POSTGRES_FEATURE_SINK_RIG_H_
#define PREDICTD_TESTS_STORES_POSTGRES_FEATURE_SINK_RIG_H_

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/sql/postgres_feature_sink.h"
#include "server/sql/sqlite_feature_sink.h"
#include "tests/catch.h"
#include "tests/fakes/postgres_database.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

using Statuses = std::vector<absl::Status>;
using Names = std::vector<std::string>;
using Records = std::vector<FeatureRecord>;

struct SqliteSinkRig {
  void Do(const std::string& sql) { Execute(path, {sql}); }
  std::string Get(const std::string& sql) { return Query(path, sql); }
  std::unique_ptr<FeatureSink> Make(std::string table, std::string key) {
    return std::make_unique<SqliteFeatureSink>(
        SqliteFeatureSink::Options{path, std::move(table), std::move(key)}, clock);
  }

  SystemClock clock;
  TempFolder folder;
  const std::string path = folder.File("users.db");
};

struct PostgresSinkRig {
  void Do(const std::string& sql) { database.Do(sql); }
  std::string Get(const std::string& sql) { return database.Do(sql); }
  std::unique_ptr<FeatureSink> Make(std::string table, std::string key) {
    return std::make_unique<PostgresFeatureSink>(
        PostgresFeatureSink::Options{database.url(), std::move(table), std::move(key),
                                     absl::Seconds(60), absl::Seconds(60)},
        clock);
  }

  SystemClock clock;
  PostgresDatabase database;
};

template <typename Kind>
struct FeatureSinkRig : Kind {
  absl::StatusOr<Statuses> Try(const Names& names, const Records& rows) {
    if (sink == nullptr) sink = this->Make("user_features", "user_id");
    return sink->Write(names, rows);
  }
  Statuses Write(const Names& names, const Records& rows) {
    auto statuses = Try(names, rows);
    INFO(statuses.status().ToString());
    REQUIRE(statuses.ok());
    REQUIRE(statuses->size() == rows.size());
    return *std::move(statuses);
  }
  bool AllGood(const Names& names, const Records& rows) {
    for (const absl::Status& status : Write(names, rows)) {
      if (status.ok()) continue;
      UNSCOPED_INFO(status.ToString());
      return false;
    }
    return true;
  }

  std::unique_ptr<FeatureSink> sink;
};

inline bool IsRefused(const absl::Status& status, const std::string& part) {
  UNSCOPED_INFO(status.ToString());
  return absl::IsInvalidArgument(status) &&
         std::string(status.message()).find(part) != std::string::npos;
}

}  // namespace predictd

#endif  // PREDICTD_TESTS_STORES_POSTGRES_FEATURE_SINK_RIG_H_
