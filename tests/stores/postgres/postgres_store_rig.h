// A store in a database of a test's own.
#ifndef PREDICTD_TESTS_STORES_POSTGRES_POSTGRES_STORE_RIG_H_
#define PREDICTD_TESTS_STORES_POSTGRES_POSTGRES_STORE_RIG_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/sql/postgres_store.h"
#include "tests/catch.h"
#include "tests/fakes/postgres_database.h"
#include "tests/unit/sql/predictions.h"

namespace predictd {

struct PostgresStoreRig {
  absl::Status TryOpen(const std::string& url) {
    store.reset();
    auto created = PostgresStore::Create({url, timeout, timeout}, clock);
    if (!created.ok()) return created.status();
    store = *std::move(created);
    return absl::OkStatus();
  }
  absl::Status TryOpen() { return TryOpen(database.url()); }
  void Open() {
    const absl::Status status = TryOpen();
    INFO(status.ToString());
    REQUIRE(status.ok());
  }

  absl::StatusOr<std::vector<std::string>> Write(const std::vector<Prediction>& predictions) {
    std::vector<const Prediction*> pointers;
    for (const Prediction& prediction : predictions) pointers.push_back(&prediction);
    return store->Write(pointers);
  }
  absl::Status Write(const std::string& id) { return Write({MakePrediction(id)}).status(); }
  // Until it works, which with a short timeout may take several attempts.
  absl::Status Insist(const std::string& id) {
    const absl::Time latest = clock.Now() + absl::Seconds(60);
    absl::Status status = Write(id);
    while (!status.ok() && clock.Now() < latest) status = Write(id);
    return status;
  }
  std::optional<Prediction> Find(const std::string& id) {
    auto found = store->Find(id);
    INFO(found.status().ToString());
    REQUIRE(found.ok());
    return *std::move(found);
  }
  std::string Count() { return database.Do("SELECT count(*) FROM predictions"); }

  SystemClock clock;
  absl::Duration timeout = absl::Seconds(60);
  PostgresDatabase database;
  std::unique_ptr<PostgresStore> store;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_STORES_POSTGRES_POSTGRES_STORE_RIG_H_
