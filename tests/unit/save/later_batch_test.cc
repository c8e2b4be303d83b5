#include "server/save/later_batch.h"

#include <string>
#include <utility>

#include "tests/catch.h"

namespace predictd::save {
namespace {

Prediction WithId(std::string id) {
  Prediction prediction;
  prediction.prediction_id = std::move(id);
  return prediction;
}

TEST_CASE("a batch is full with as many predictions as it has room for") {
  LaterBatch batch(2);
  CHECK_FALSE(batch.full());
  batch.Add(WithId("a"));
  CHECK_FALSE(batch.full());
  batch.Add(WithId("b"));
  CHECK(batch.full());
}

TEST_CASE("predictions that are settled are found until the batch goes, and more may be added") {
  LaterBatch batch(3);
  batch.Add(WithId("a"));
  batch.Add(WithId("b"));
  batch.Settle(1);
  batch.Add(WithId("c"));

  REQUIRE(batch.unsettled().size() == 2);
  CHECK(batch.unsettled()[0].prediction_id == "b");
  CHECK(batch.unsettled()[1].prediction_id == "c");
  for (const char* id : {"a", "b", "c"}) {
    const Prediction* const found = batch.Find(id);
    REQUIRE(found != nullptr);
    CHECK(found->prediction_id == id);
  }
  CHECK(batch.Find("d") == nullptr);
  batch.Settle(2);
  CHECK(batch.unsettled().empty());
}

}  // namespace
}  // namespace predictd::save
