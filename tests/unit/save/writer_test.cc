#include "server/save/writer.h"

#include "tests/unit/save/writer_fixture.h"

namespace predictd::save {
namespace {

TEST_CASE("a lone prediction is written at once") {
  WriterTest test;
  test.writer->SaveLater(MakePrediction("a"));
  test.store.WaitForSaved(1);
  CHECK(test.Flush().ok());
  CHECK(test.Counted("saved") == 1);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("after a transaction the next one waits until it is full, or the end") {
  WriterTest test(1000, 10, absl::Hours(1));
  test.writer->SaveLater(MakePrediction("first"));
  test.store.WaitForSaved(1);
  for (int i = 0; i < 10; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.store.WaitForSaved(11);
  for (int i = 10; i < 13; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  REQUIRE(test.Flush().ok());
  CHECK(test.store.batches() == std::vector<size_t>{1, 10, 3});
}

TEST_CASE("who waits for a prediction to be saved does not wait for others") {
  WriterTest test(1000, 10, absl::Hours(1));
  test.writer->SaveLater(MakePrediction("first"));
  test.store.WaitForSaved(1);
  test.writer->SaveLater(MakePrediction("later"));
  CHECK(test.Save(MakePrediction("now")).ok());
  CHECK(test.store.saved().back().prediction_id == "now");
}

TEST_CASE("what queues up during a transaction is written in order, in full batches") {
  WriterTest test(1000, 10);
  test.BlockStore();
  for (int i = 0; i < 35; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  CHECK(test.Waiting() == 36);
  test.store.Release();
  REQUIRE(test.Flush().ok());
  CHECK(test.store.batches() == std::vector<size_t>{1, 10, 10, 10, 5});
  const auto saved = test.store.saved();
  REQUIRE(saved.size() == 36);
  for (int i = 0; i < 35; ++i) CHECK(saved[i + 1].prediction_id == Id(i));
  CHECK(test.Counted("saved") == 36);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("what the store cannot write in time is written in smaller transactions") {
  WriterTest test(1000, 16);
  test.BlockStore();
  for (int i = 0; i < 16; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.store.RefuseMoreThan(3, absl::DeadlineExceededError("too many at once"));
  test.store.Release();
  REQUIRE(test.Flush().ok());
  CHECK(test.Counted("saved") == 17);
  CHECK(test.Counted("failed") == 0);
  const std::vector<size_t> batches = test.store.batches();
  // Sixteen, eight and four in vain, then two; afterwards twice as many are tried again.
  REQUIRE(batches.size() > 5);
  CHECK(std::vector<size_t>(batches.begin(), batches.begin() + 6) ==
        std::vector<size_t>{1, 16, 8, 4, 2, 4});
}

TEST_CASE(
    "beyond the bound predictions are dropped and counted exactly, and the log says so once") {
  WriterTest test(10);
  const CapturedLog log;
  test.BlockStore();
  for (int i = 0; i < 25; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  // The one that is being written counts.
  CHECK(test.Counted("dropped") == 16);
  CHECK(test.Waiting() == 10);
  CHECK(log.Count("predictions are dropped") == 1);
  test.store.Release();
  REQUIRE(test.Flush().ok());
  CHECK(test.Counted("saved") == 10);
  CHECK(test.store.saved().back().prediction_id == Id(8));
}

TEST_CASE("a failing store is tried again until it works, and nothing is lost") {
  WriterTest test(100);
  const CapturedLog log;
  test.store.FailTimes(5, absl::UnavailableError("'p.db': disk full"));
  for (int i = 0; i < 50; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.store.WaitForSaved(50);
  REQUIRE(test.Flush().ok());
  const auto saved = test.store.saved();
  for (int i = 0; i < 50; ++i) CHECK(saved[i].prediction_id == Id(i));
  CHECK(test.Counted("saved") == 50);
  CHECK(test.Counted("failed") == 0);
  CHECK(StoreErrors(test.metrics, "save", "write") == 5);
  CHECK(log.Count("predictions cannot be saved error=\"'p.db': disk full\"") == 1);
  CHECK(log.Count("predictions are saved again") == 1);
}

TEST_CASE("while the store fails the queue bounds what accumulates") {
  WriterTest test(20);
  test.store.FailUntilRepaired(absl::UnavailableError("disk full"));
  for (int i = 0; i < 100; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.store.WaitForWrites(3);
  CHECK(test.Counted("dropped") == 80);
  CHECK(test.Waiting() == 20);
  test.store.Repair();
  test.store.WaitForSaved(20);
  REQUIRE(test.Flush().ok());
  CHECK(test.Counted("saved") == 20);
  CHECK(test.Counted("dropped") == 80);
}

TEST_CASE("a prediction that the store refuses is counted and said, the others are saved") {
  WriterTest test;
  const CapturedLog log;
  test.store.Refuse(Id(13));
  test.store.Refuse(Id(14));
  test.BlockStore();
  for (int i = 0; i < 40; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.store.Release();
  REQUIRE(test.Flush().ok());
  CHECK(test.Counted("saved") == 39);
  CHECK(test.Counted("failed") == 2);
  CHECK(log.Count("the store refuses a prediction") == 1);
  CHECK(log.Count("prediction_id=id-13") == 1);
  CHECK(log.Count("refuses more predictions of the same batch predictions=1") == 1);
}

}  // namespace
}  // namespace predictd::save
