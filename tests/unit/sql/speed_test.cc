// How fast the threads of the stores are: sql_test "[.speed]". Prints, and checks nothing that a
// busy machine could break.
#include <cstdio>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/async/scope.h"
#include "server/sql/postgres_store.h"
#include "server/sql/sqlite_source.h"
#include "server/sql/sqlite_store.h"
#include "tests/catch.h"
#include "tests/fakes/postgres_database.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/predictions.h"
#include "tests/unit/sql/sqlite_file.h"

namespace predictd {
namespace {

constexpr int kUsers = 5000;

std::vector<std::string> FeatureNames(int features) {
  std::vector<std::string> names;
  for (int i = 0; i < features; ++i) names.push_back(absl::StrCat("feature_", i));
  return names;
}

// Of the whole process: says more than the rate on a busy machine.
double CpuMicroseconds(std::clock_t start, size_t count) {
  return 1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC /
         static_cast<double>(count);
}

void CreateUsers(const std::string& path, const std::string& journal, int features) {
  const auto connection = Connect(path);
  Execute(*connection, {absl::StrCat("PRAGMA journal_mode = ", journal),
                        absl::StrCat("CREATE TABLE user_features (user_id TEXT PRIMARY KEY, ",
                                     absl::StrJoin(FeatureNames(features), " REAL, "), " REAL)"),
                        "BEGIN"});
  const std::vector<std::string> values(features, "0.5");
  for (int i = 0; i < kUsers; ++i) {
    Execute(*connection, {absl::StrCat("INSERT INTO user_features VALUES ('user-", i, "', ",
                                       absl::StrJoin(values, ", "), ")")});
  }
  Execute(*connection, {"COMMIT"});
}

void MeasureReads(const std::string& journal, int features, int at_once) {
  const TempFolder folder;
  const std::string path = folder.File("users.db");
  CreateUsers(path, journal, features);
  const SystemClock clock;
  Metrics metrics;
  SleepingLoop loop(clock);
  SqliteSource::Options options;
  options.path = path;
  auto source = SqliteSource::Create(options, clock, metrics);
  REQUIRE(source.ok());
  std::vector<std::string> ids;
  for (int i = 0; i < kUsers; ++i) ids.push_back(absl::StrCat("user-", i * 7919 % kUsers));
  size_t reads = 0;
  const absl::Time start = clock.Now();
  const std::clock_t cpu_start = std::clock();
  while (clock.Now() - start < absl::Seconds(1)) {
    std::vector<std::optional<absl::StatusOr<std::optional<FeatureRow>>>> rows(at_once);
    Scope scope;
    for (auto& row : rows) {
      auto read = (*source)->Read(loop, ids[reads++ % ids.size()], absl::InfiniteFuture());
      scope.Spawn(KeepResult(std::move(read), row));
    }
    REQUIRE(loop.RunUntil([&] { return scope.running() == 0; }));
  }
  const double seconds = absl::ToDoubleSeconds(clock.Now() - start);
  std::printf("%-8s %2d features, %4d reads at once: %7.0f reads/s, %5.2f us of CPU each\n",
              journal.c_str(), features, at_once, static_cast<double>(reads) / seconds,
              CpuMicroseconds(cpu_start, reads));
}

void MeasureWrites(const char* name, PredictionStore& store, int features, int batch_size) {
  const SystemClock clock;
  const auto schema = std::make_shared<const Schema>(FeatureNames(features));
  std::vector<Prediction> batch;
  for (int i = 0; i < batch_size; ++i) {
    Prediction& prediction = batch.emplace_back(MakePrediction(""));
    prediction.schema = schema;
    prediction.features.assign(features, 0.12345F + static_cast<float>(i));
  }
  std::vector<const Prediction*> pointers;
  for (const Prediction& prediction : batch) pointers.push_back(&prediction);
  size_t rows = 0;
  const absl::Time start = clock.Now();
  const std::clock_t cpu_start = std::clock();
  while (clock.Now() - start < absl::Seconds(2)) {
    for (Prediction& prediction : batch) {
      prediction.prediction_id =
          absl::StrCat("0190b0c0-0000-7000-8000-", absl::Dec(rows++, absl::kZeroPad12));
    }
    REQUIRE(store.Write(pointers).ok());
  }
  const double seconds = absl::ToDoubleSeconds(clock.Now() - start);
  std::printf("%-10s %2d features, %3d rows per transaction: %7.0f rows/s, %5.2f us of CPU each\n",
              name, features, batch_size, static_cast<double>(rows) / seconds,
              CpuMicroseconds(cpu_start, rows));
}

TEST_CASE("reads per second", "[.speed]") {
  for (const char* journal : {"DELETE", "WAL"}) {
    for (const int features : {4, 16, 64}) MeasureReads(journal, features, 256);
    MeasureReads(journal, 16, 1);
  }
}

TEST_CASE("saved rows per second", "[.speed]") {
  const SystemClock clock;
  for (const auto& [features, rows] : {std::pair(4, 512), {16, 512}, {64, 512}, {16, 1}}) {
    const TempFolder folder;
    auto sqlite = SqliteStore::Create({folder.File("predictions.db")}, clock);
    REQUIRE(sqlite.ok());
    MeasureWrites("SQLite", **sqlite, features, rows);
    const PostgresDatabase database;
    auto postgres = PostgresStore::Create({database.url()}, clock);
    REQUIRE(postgres.ok());
    MeasureWrites("PostgreSQL", **postgres, features, rows);
  }
}

}  // namespace
}  // namespace predictd
