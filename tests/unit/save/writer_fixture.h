// A writer on a store in memory.
#ifndef PREDICTD_TESTS_UNIT_SAVE_WRITER_FIXTURE_H_
#define PREDICTD_TESTS_UNIT_SAVE_WRITER_FIXTURE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/save/writer.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/metric_value.h"
#include "tests/fakes/prediction_store.h"
#include "tests/unit/sql/await.h"
#include "tests/unit/sql/predictions.h"

namespace predictd::save {

using SaveResult = absl::StatusOr<std::string>;

inline std::string Id(int i) { return absl::StrCat("id-", i); }

struct WriterTest {
  explicit WriterTest(size_t max_queue = 1000, size_t max_batch = 512,
                      absl::Duration interval = absl::ZeroDuration()) {
    Writer::Options options;
    options.max_queue = max_queue;
    options.max_batch = max_batch;
    options.interval = interval;
    options.first_retry = absl::Milliseconds(1);
    options.longest_retry = absl::Milliseconds(5);
    writer.emplace(store, clock, metrics, options);
  }
  ~WriterTest() {
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

}  // namespace predictd::save

#endif  // PREDICTD_TESTS_UNIT_SAVE_WRITER_FIXTURE_H_
