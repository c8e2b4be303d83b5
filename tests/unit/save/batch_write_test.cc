#include "server/save/batch_write.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/prediction_store.h"
#include "tests/unit/sql/predictions.h"

namespace predictd::save {
namespace {

struct Batch {
  explicit Batch(int size) {
    predictions.reserve(size);
    for (int i = 0; i < size; ++i) {
      predictions.push_back(MakePrediction(absl::StrCat("id-", i)));
      pointers.push_back(&predictions.back());
    }
  }
  BatchResult Write() { return WriteBatch(store, metrics, pointers); }

  FakePredictionStore store;
  Metrics metrics;
  std::vector<Prediction> predictions;
  std::vector<const Prediction*> pointers;
};

TEST_CASE("a batch that the store takes is one transaction") {
  Batch batch(100);
  const BatchResult result = batch.Write();
  CHECK(result.failure.ok());
  REQUIRE(result.settled.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(*result.settled[i] == absl::StrCat("id-", i));
  CHECK(batch.store.batches() == std::vector<size_t>{100});
  CHECK(StoreErrors(batch.metrics, "save", "write") == 0);
}

TEST_CASE("predictions that the store refuses do not keep the others from being saved") {
  const std::set<int> refused = GENERATE(std::set<int>{0}, std::set<int>{99}, std::set<int>{37},
                                         std::set<int>{0, 1, 50, 98, 99});
  Batch batch(100);
  for (const int i : refused) batch.store.Refuse(absl::StrCat("id-", i));
  const BatchResult result = batch.Write();
  CHECK(result.failure.ok());
  REQUIRE(result.settled.size() == 100);
  int wrong = 0;
  for (int i = 0; i < 100; ++i) {
    const bool right = refused.count(i) > 0 ? absl::IsInvalidArgument(result.settled[i].status())
                                            : result.settled[i].ok();
    if (!right) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(batch.store.saved().size() == 100 - refused.size());
  CHECK(batch.store.batches().size() < 60);
}

TEST_CASE("a store that fails midway leaves the rest unsettled") {
  Batch batch(8);
  batch.store.Refuse("id-1");
  // Of the failing attempts of 8, 4, 2 the third is replaced by one of the store's own.
  batch.store.FailTimes(1, absl::UnavailableError("disk full"));
  CHECK(batch.Write().settled.empty());
  const BatchResult result = batch.Write();
  CHECK(result.settled.size() == 8);

  Batch broken(4);
  broken.store.FailTimes(1, absl::UnavailableError("disk full"));
  const BatchResult failed = broken.Write();
  CHECK(failed.failure == absl::UnavailableError("disk full"));
  CHECK(broken.store.batches() == std::vector<size_t>{4});
  CHECK(StoreErrors(broken.metrics, "save", "write") == 1);
}

}  // namespace
}  // namespace predictd::save
