#include "server/save/writer.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/prediction_store.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/captured_log.h"
#include "tests/unit/sql/metric_value.h"
#include "tests/unit/sql/predictions.h"

namespace predictd::save {
namespace {

using SaveResult = absl::StatusOr<std::string>;

std::string Id(int i) { return absl::StrCat("id-", i); }

struct Test {
  explicit Test(size_t max_queue = 1000, size_t max_batch = 512) {
    Writer::Options options;
    options.max_queue = max_queue;
    options.max_batch = max_batch;
    options.first_retry = absl::Milliseconds(1);
    options.longest_retry = absl::Milliseconds(5);
    writer.emplace(store, clock, metrics, options);
  }
  ~Test() {
    // A test that failed must not leave the writer's thread waiting.
    store.Release();
  }

  // The writer's thread is in a transaction with one prediction, and stays there.
  void BlockStore() {
    store.Block();
    writer->SaveLater(MakePrediction("first"));
    store.WaitUntilBlocked();
  }
  SaveResult Save(Prediction prediction, absl::Duration time = absl::Seconds(20)) {
    return Await(loop, writer->Save(loop, std::move(prediction), clock.Now() + time));
  }
  std::optional<Prediction> Find(const std::string& id) {
    auto found = Await(loop, writer->Find(loop, id, clock.Now() + absl::Seconds(20)));
    INFO(found.status().ToString());
    REQUIRE(found.ok());
    return *std::move(found);
  }
  absl::Status Flush(absl::Duration time = absl::Seconds(20)) {
    return writer->Flush(clock.Now() + time);
  }
  double Counted(const std::string& result) { return Saves(metrics, result); }
  double Waiting() { return MetricValue(metrics, "predictd_save_queue_rows"); }

  SystemClock clock;
  SleepingLoop loop{clock};
  Metrics metrics;
  FakePredictionStore store;
  std::optional<Writer> writer;
};

TEST_CASE("a lone prediction is written at once") {
  Test test;
  test.writer->SaveLater(MakePrediction("a"));
  test.store.WaitForSaved(1);
  CHECK(test.Flush().ok());
  CHECK(test.Counted("saved") == 1);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("what queues up during a transaction is written in order, in full batches") {
  Test test(1000, 10);
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

TEST_CASE(
    "beyond the bound predictions are dropped and counted exactly, and the log says so once") {
  Test test(10);
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
  Test test(100);
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
  Test test(20);
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
  Test test;
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

TEST_CASE("Save resumes when the prediction is durable, with the id under which it stands") {
  Test test;
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
  Test test;
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
  Test test;
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
  Test test;
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
  Test test;
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

TEST_CASE("a Save that the queue has no room for is RESOURCE_EXHAUSTED and counted as dropped") {
  Test test(1);
  test.BlockStore();
  const SaveResult result = test.Save(MakePrediction("a"));
  CHECK(result.status().code() == absl::StatusCode::kResourceExhausted);
  CHECK(std::string(result.status().message()).find("1 predictions wait") != std::string::npos);
  CHECK(test.Counted("dropped") == 1);
}

TEST_CASE("a Save whose deadline passes in the queue is not written") {
  Test test;
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
  Test test;
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

TEST_CASE("what waits to be written is found, without asking the store") {
  Test test;
  test.BlockStore();
  Prediction queued = MakePrediction("queued");
  queued.outputs = {7};
  test.writer->SaveLater(queued);
  const auto found = test.Find("queued");
  REQUIRE(found.has_value());
  CheckSame(*found, queued);
  // So is what the transaction under way writes.
  CHECK(test.Find("first").has_value());
  CHECK(test.store.finds() == 0);
  test.store.Release();
  test.store.WaitForSaved(2);
  CHECK(test.Find("queued").has_value());
  CHECK(!test.Find("other").has_value());
  CHECK(test.Find("first").has_value());
}

TEST_CASE("a Find that the store fails or does not answer in time is an error") {
  Test test;
  test.store.FailFindsWith(absl::InternalError("'p.db': broken"));
  const auto failed =
      Await(test.loop, test.writer->Find(test.loop, "a", test.clock.Now() + absl::Seconds(20)));
  CHECK(failed.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(failed.status().message()).find("'p.db': broken") != std::string::npos);
  CHECK(StoreErrors(test.metrics, "save", "error") == 1);

  test.store.Block();
  const auto late = Await(
      test.loop, test.writer->Find(test.loop, "a", test.clock.Now() + absl::Milliseconds(20)));
  CHECK(late.status().code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(StoreErrors(test.metrics, "save", "timeout") == 1);
  test.store.Release();
}

TEST_CASE("after Flush nothing is saved any more and everything is counted") {
  Test test;
  test.writer->SaveLater(MakePrediction("a"));
  REQUIRE(test.Flush().ok());
  test.writer->SaveLater(MakePrediction("b"));
  CHECK(absl::IsUnavailable(test.Save(MakePrediction("c")).status()));
  CHECK(test.store.saved().size() == 1);
  CHECK(test.Counted("saved") == 1);
  CHECK(test.Counted("dropped") == 2);
}

TEST_CASE("Flush waits for a store that recovers in time") {
  Test test;
  test.store.FailTimes(10, absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  CHECK(test.Flush().ok());
  CHECK(test.Counted("saved") == 5);
}

TEST_CASE("Flush of a failing store ends at its deadline and says how many are lost") {
  Test test;
  test.store.FailUntilRepaired(absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  const absl::Time start = test.clock.Now();
  const absl::Status status = test.Flush(absl::Milliseconds(100));
  CHECK(test.clock.Now() - start < absl::Seconds(5));
  CHECK(std::string(status.message()).find("5 predictions") == 0);
  CHECK(test.Counted("failed") == 5);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("a writer that goes away without Flush counts what it had") {
  Test test;
  test.store.FailUntilRepaired(absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.writer.reset();
  CHECK(test.Counted("failed") == 5);
}

TEST_CASE("every prediction of many threads is counted once, over failures and full queues") {
  Test test(64, 16);
  std::atomic<bool> stop{false};
  std::thread breaker([&] {
    while (!stop) {
      test.store.FailTimes(3, absl::UnavailableError("disk full"));
      absl::SleepFor(absl::Milliseconds(2));
    }
    test.store.Repair();
  });
  constexpr int kThreads = 3;
  constexpr int kEach = 3000;
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&test, &answered, t] {
      SleepingLoop loop(test.clock);
      std::vector<std::optional<SaveResult>> results(kEach);
      Scope scope;
      for (int i = 0; i < kEach; ++i) {
        Prediction prediction = MakePrediction(absl::StrCat(t, "-", i));
        if (i % 4 != 0) {
          test.writer->SaveLater(std::move(prediction));
          continue;
        }
        auto save = test.writer->Save(loop, std::move(prediction),
                                      test.clock.Now() + absl::Milliseconds(i % 7));
        scope.Spawn(KeepResult(std::move(save), results[i]));
        loop.RunTurn();
      }
      loop.RunUntil([&] { return scope.running() == 0; });
      for (int i = 0; i < kEach; i += 4) {
        if (results[i].has_value()) ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  breaker.join();
  REQUIRE(test.Flush().ok());
  CHECK(answered == kThreads * kEach / 4);
  CHECK(test.Counted("saved") == static_cast<double>(test.store.saved().size()));
  CHECK(test.Counted("saved") + test.Counted("failed") + test.Counted("dropped") ==
        kThreads * kEach);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("time per SaveLater", "[.speed]") {
  Test test(1000000);
  constexpr int kSaves = 300000;
  std::vector<Prediction> predictions;
  for (int i = 0; i < kSaves; ++i) {
    predictions.push_back(MakePrediction(absl::StrCat("0190b0c0-0000-7000-8000-", 100000000 + i)));
  }
  test.BlockStore();
  const absl::Time start = test.clock.Now();
  for (Prediction& prediction : predictions) test.writer->SaveLater(std::move(prediction));
  std::printf("%.0f ns per SaveLater while the writer is busy\n",
              absl::ToDoubleNanoseconds(test.clock.Now() - start) / kSaves);
  test.store.FailUntilRepaired(absl::UnavailableError("the fake store is slow with so many"));
  test.store.Release();
}

}  // namespace
}  // namespace predictd::save
