// Writer::Find, Writer::Flush, and that nothing is counted twice.
#include <atomic>
#include <cstdio>
#include <ctime>
#include <thread>

#include "absl/time/clock.h"
#include "tests/unit/save/writer_fixture.h"

namespace predictd::save {
namespace {

TEST_CASE("what waits to be written is found, without asking the store") {
  WriterTest test;
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
  WriterTest test;
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
  WriterTest test;
  test.writer->SaveLater(MakePrediction("a"));
  REQUIRE(test.Flush().ok());
  test.writer->SaveLater(MakePrediction("b"));
  CHECK(absl::IsUnavailable(test.Save(MakePrediction("c")).status()));
  CHECK(test.store.saved().size() == 1);
  CHECK(test.Counted("saved") == 1);
  CHECK(test.Counted("dropped") == 2);
}

TEST_CASE("Flush waits for a store that recovers in time") {
  WriterTest test;
  test.store.FailTimes(10, absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  CHECK(test.Flush().ok());
  CHECK(test.Counted("saved") == 5);
}

TEST_CASE("Flush of a failing store ends at its deadline and says how many are lost") {
  WriterTest test;
  test.store.FailUntilRepaired(absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  const absl::Time start = test.clock.Now();
  const absl::Status status = test.Flush(absl::Milliseconds(100));
  CHECK(test.clock.Now() - start < absl::Seconds(5));
  CHECK(std::string(status.message()).find("5 predictions") == 0);
  CHECK(test.Counted("failed") == 5);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("how many predictions are lost is told while the store still hangs") {
  WriterTest test;
  test.BlockStore();
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  const CapturedLog log;
  absl::Status flushed;
  std::thread end([&] { flushed = test.Flush(absl::ZeroDuration()); });
  const absl::Time latest = test.clock.Now() + absl::Seconds(30);
  while (log.Count("lost=5 under_way=1") == 0 && test.clock.Now() < latest) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  CHECK(log.Count("lost=5 under_way=1") == 1);
  CHECK(test.Counted("failed") == 5);
  test.store.Release();
  end.join();
  CHECK(std::string(flushed.message()).find("5 predictions") == 0);
  CHECK(test.Counted("saved") == 1);
  CHECK(test.Counted("failed") == 5);
  CHECK(test.Waiting() == 0);
}

TEST_CASE("a writer that goes away without Flush counts what it had") {
  WriterTest test;
  test.store.FailUntilRepaired(absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) test.writer->SaveLater(MakePrediction(Id(i)));
  test.writer.reset();
  CHECK(test.Counted("failed") == 5);
}

TEST_CASE("every prediction of many threads is counted once, over failures and full queues") {
  WriterTest test(64, 16);
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
  WriterTest test(65536);
  constexpr int kSaves = 50000;
  std::vector<Prediction> predictions;
  for (int i = 0; i < kSaves; ++i) {
    predictions.push_back(MakePrediction(absl::StrCat("0190b0c0-0000-7000-8000-", 100000000 + i)));
  }
  test.BlockStore();
  const std::clock_t start = std::clock();
  for (Prediction& prediction : predictions) test.writer->SaveLater(std::move(prediction));
  std::printf("%.0f ns of CPU per SaveLater while the writer is busy\n",
              1e9 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / kSaves);
  test.store.FailUntilRepaired(absl::UnavailableError("the fake store is slow with so many"));
  test.store.Release();
}

}  // namespace
}  // namespace predictd::save
