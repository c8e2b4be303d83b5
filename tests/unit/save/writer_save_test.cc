// Writer::Save: durable, then answered.
#include "tests/unit/save/writer_fixture.h"

namespace predictd::save {
namespace {

TEST_CASE("Save resumes when the prediction is durable, with the id under which it stands") {
  WriterTest test;
  Prediction first = MakePrediction("a");
  first.idempotency_key = "k";
  Prediction repeat = MakePrediction("b");
  repeat.idempotency_key = "k";
  CHECK(*test.Save(first) == "a");
  CHECK(test.store.saved().size() == 1);
  CHECK(*test.Save(repeat) == "a");
  CHECK(test.store.saved().size() == 1);
  CHECK(test.Counted("saved") == 2);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("Saves that wait together share a transaction") {
  WriterTest test;
  test.BlockStore();
  std::vector<std::optional<SaveResult>> results(20);
  Scope scope;
  for (int i = 0; i < 20; ++i) {
    auto save = test.writer->Save(test.loop, MakePrediction(Id(i)), absl::InfiniteFuture());
    scope.Spawn(KeepResult(std::move(save), results[i]));
  }
  test.store.Release();
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  for (int i = 0; i < 20; ++i) CHECK(**results[i] == Id(i));
  CHECK(test.store.batches() == std::vector<size_t>{1, 20});
}

TEST_CASE("Save gives the store's error at once and does not try again") {
  WriterTest test;
  test.store.FailUntilRepaired(absl::InternalError("'p.db': no such table"));
  const SaveResult result = test.Save(MakePrediction("a"));
  CHECK(result.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(result.status().message()).find("'p.db': no such table") != std::string::npos);
  CHECK(test.store.batches().size() == 1);
  CHECK(test.Counted("failed") == 1);
  test.store.Repair();
  CHECK(test.Save(MakePrediction("b")).ok());
  CHECK(test.store.saved().size() == 1);
}

TEST_CASE("a refused prediction fails its own Save only") {
  WriterTest test;
  test.store.Refuse(Id(3));
  test.BlockStore();
  std::vector<std::optional<SaveResult>> results(8);
  Scope scope;
  for (int i = 0; i < 8; ++i) {
    auto save = test.writer->Save(test.loop, MakePrediction(Id(i)), absl::InfiniteFuture());
    scope.Spawn(KeepResult(std::move(save), results[i]));
  }
  test.store.Release();
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  for (int i = 0; i < 8; ++i) CHECK(results[i]->ok() == (i != 3));
  CHECK(absl::IsUnavailable(results[3]->status()));
  CHECK(test.Counted("failed") == 1);
}

TEST_CASE("Save goes ahead of what is saved later and fails apart from it") {
  WriterTest test;
  test.BlockStore();
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  std::optional<SaveResult> result;
  Scope scope;
  auto save = test.writer->Save(test.loop, MakePrediction("now"), absl::InfiniteFuture());
  scope.Spawn(KeepResult(std::move(save), result));
  // The transaction under way fails as well; then the one with "now" alone.
  test.store.FailTimes(2, absl::UnavailableError("disk full"));
  test.store.Release();
  REQUIRE(test.loop.RunUntil([&] { return scope.running() == 0; }));
  CHECK(!result->ok());
  REQUIRE(test.Flush().ok());
  CHECK(test.store.saved().size() == 6);
  CHECK(test.Counted("saved") == 6);
  CHECK(test.Counted("failed") == 1);
}

TEST_CASE("a Save that the queue has no room for is UNAVAILABLE and counted as dropped") {
  WriterTest test(1);
  test.BlockStore();
  const SaveResult result = test.Save(MakePrediction("a"));
  CHECK(result.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(result.status().message()).find("1 predictions wait") != std::string::npos);
  CHECK(test.Counted("dropped") == 1);
}

TEST_CASE("a Save whose deadline passes in the queue is not written") {
  WriterTest test;
  test.BlockStore();
  const SaveResult result = test.Save(MakePrediction("late"), absl::Milliseconds(20));
  CHECK(result.status().code() == absl::StatusCode::kDeadlineExceeded);
  test.store.Release();
  REQUIRE(test.Flush().ok());
  REQUIRE(test.store.saved().size() == 1);
  CHECK(test.store.saved()[0].prediction_id == "first");
  CHECK(test.Counted("saved") == 1);
  CHECK(test.Counted("failed") == 1);
  CHECK(test.Save(MakePrediction("x"), absl::ZeroDuration()).status().code() ==
        absl::StatusCode::kDeadlineExceeded);
  CHECK(test.Counted("failed") == 2);
}

TEST_CASE("a Save whose deadline passes within its transaction is counted as what it came to") {
  WriterTest test;
  test.store.Block();
  {
    SleepingLoop loop(test.clock);
    const SaveResult result = Await(
        loop,
        test.writer->Save(loop, MakePrediction("a"), test.clock.Now() + absl::Milliseconds(200)));
    CHECK(absl::IsDeadlineExceeded(result.status()));
  }
  // The loop that asked is gone.
  test.store.Release();
  REQUIRE(test.Flush().ok());
  CHECK(test.Counted("saved") + test.Counted("failed") == 1);
  CHECK(test.Counted("saved") == static_cast<double>(test.store.saved().size()));
}

}  // namespace
}  // namespace predictd::save
