// A store of predictions that takes no more.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/fakes/temp_folder.h"
#include "tests/integration/faults/rig.h"

namespace predictd::integration {
namespace {

constexpr char kSaved[] = R"(predictd_saves_total{result="saved"})";
constexpr char kFailed[] = R"(predictd_saves_total{result="failed"})";
constexpr char kDropped[] = R"(predictd_saves_total{result="dropped"})";
constexpr char kWriteErrors[] = R"(predictd_feature_errors_total{store="save",kind="write"})";
constexpr char kWaiting[] = "predictd_save_queue_rows";
// Predictions that may wait to be saved.
constexpr int kQueue = 65536;

// No file of the process may grow beyond this: as on a full disk, each write fails.
void LimitFiles(const PredictdProcess& predictd, rlim_t bytes) {
  const rlimit limit = {bytes, RLIM_INFINITY};
  REQUIRE(::prlimit(predictd.pid(), RLIMIT_FSIZE, &limit, nullptr) == 0);
}

int64_t SavedRows(const std::string& file) {
  return std::stoll(Sql(file, "SELECT COUNT(*) FROM predictions").at(0).at(0));
}

// Predictions of as many rows, in calls of 4096; true where all of them were answered.
bool PredictMany(PredictdProcess& predictd, int rows) {
  while (rows > 0) {
    const int count = std::min(rows, 4096);
    v1::PredictBatchRequest request;
    for (int i = 0; i < count; ++i) request.add_user_ids("u" + std::to_string(i % kUsers));
    v1::PredictBatchResponse response;
    grpc::ClientContext context;
    SetDeadline(context);
    const grpc::Status status = predictd.Stub().PredictBatch(&context, request, &response);
    if (!status.ok() || response.errors_size() > 0) return false;
    rows -= count;
  }
  return true;
}

TEST_CASE("With a full disk predictions are answered, and what does not fit is counted exactly") {
  const TempFolder folder;
  const std::string file = folder.File("predictions.db");
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--save_to=sqlite:" + file, "--local_cache_mb=16"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(PredictMany(predictd, 10));
  REQUIRE(predictd.WaitForMetric(kSaved, 10));

  LimitFiles(predictd, 1024);
  const auto waits = predictd.Predict("u1");
  REQUIRE(waits.ok());
  REQUIRE(predictd.WaitForMetric(kWriteErrors, 2));
  constexpr int kTooMany = 1000;
  REQUIRE(PredictMany(predictd, kQueue - 1 + kTooMany));
  CHECK(predictd.Metric(kDropped) == kTooMany);
  CHECK(predictd.Metric(kWaiting) == kQueue);
  CHECK(predictd.Metric(kSaved) == 10);
  CHECK(LogLines(predictd, "predictions are dropped") <= 1);  // the log is a file, too

  const auto dropped = predictd.Predict("u2");
  CHECK(dropped.ok());
  CHECK(predictd.Metric(kDropped) == kTooMany + 1);
  // What waits is found, and what was dropped is not.
  const auto found = predictd.GetPrediction(waits.response.prediction_id());
  INFO(found.message());
  CHECK(found.ok());
  CHECK(found.response.user_id() == "u1");
  CHECK(predictd.GetPrediction(dropped.response.prediction_id()).code() == grpc::NOT_FOUND);

  LimitFiles(predictd, RLIM_INFINITY);
  CHECK(predictd.WaitForMetric(kSaved, 10 + kQueue));
  CHECK(predictd.Metric(kSaved) == 10 + kQueue);
  // Counted as saved first.
  CHECK(WaitUntil([&] { return predictd.Metric(kWaiting) == 0; }));
  CHECK(predictd.Metric(kFailed) == 0);
  CHECK(SavedRows(file) == 10 + kQueue);
  const auto later = predictd.Predict("u3");
  REQUIRE(later.ok());
  CHECK(predictd.WaitForMetric(kSaved, 10 + kQueue + 1, kRepair));
  CheckSteady(predictd);
}

TEST_CASE("What a failing store could not take until the end is said at the end") {
  const TempFolder folder;
  const std::string file = folder.File("predictions.db");
  const Rig rig;
  PredictdProcess predictd(
      rig.Flags({"--save_to=sqlite:" + file, "--drain_timeout=2s", "--log_format=json"}));
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(PredictMany(predictd, 10));
  REQUIRE(predictd.WaitForMetric(kSaved, 10));
  // Enough for the log.
  LimitFiles(predictd, 8192);
  REQUIRE(PredictMany(predictd, 500));
  REQUIRE(predictd.WaitForMetric(kWriteErrors, 1));
  const double waiting = predictd.Metric(kWaiting);
  const double saved = predictd.Metric(kSaved);
  CHECK(waiting + saved == 510);
  predictd.Kill(SIGTERM);
  REQUIRE(predictd.WaitForExit() == 0);
  CHECK(LogLines(predictd, "not all was saved") == 1);
  CHECK(SavedRows(file) == saved);
}

TEST_CASE("With before_reply a failing store makes the call UNAVAILABLE, with the store's error") {
  const TempFolder folder;
  const std::string file = folder.File("predictions.db");
  const Rig rig;
  PredictdProcess predictd(rig.Flags({"--save_to=sqlite:" + file, "--save=before_reply"}));
  REQUIRE(predictd.WaitUntilReady());
  const auto first = predictd.Predict("u1");
  REQUIRE(first.ok());
  CHECK(SavedRows(file) == 1);

  LimitFiles(predictd, 1024);
  for (int i = 0; i < 10; ++i) {
    const auto answer = predictd.Predict("u1");
    CHECK(answer.code() == grpc::StatusCode::UNAVAILABLE);
    INFO(answer.message());
    CHECK(answer.message().find("could not be saved") != std::string::npos);
    CHECK(answer.message().find(file) != std::string::npos);
  }
  CHECK(predictd.Metric(kFailed) == 10);
  CHECK(predictd.Metric(kWriteErrors) >= 10);

  LimitFiles(predictd, RLIM_INFINITY);
  std::set<std::string> ids = {first.response.prediction_id()};
  CHECK(WaitUntil([&] { return predictd.Predict("u1").ok(); }, kRepair));
  for (int i = 0; i < 10; ++i) {
    const auto answer = predictd.Predict("u1");
    REQUIRE(answer.ok());
    ids.insert(answer.response.prediction_id());
    CHECK(SavedRows(file) == predictd.Metric(kSaved));
  }
  // Nothing of the calls that failed, not even half of it.
  CHECK(SavedRows(file) == 12);
  CHECK(ids.size() == 11);
  CHECK(Sql(file, "PRAGMA integrity_check").at(0).at(0) == "ok");
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
