// Runs another version on rows that were answered, to compare the two: see ModelConfig.shadow.
#ifndef PREDICTD_SERVER_PREDICT_SHADOW_H_
#define PREDICTD_SERVER_PREDICT_SHADOW_H_

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/async/loop.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/base/metrics.h"
#include "server/batching/turn_batches.h"
#include "server/predict/feature_merge.h"
#include "server/predict/request.h"
#include "server/repository/catalog.h"

namespace predictd::predict {

// One per loop, that loop's thread only; all that it is given outlives it. A step of the loop,
// created after `batches`, so that it comes when a turn's replies are under way.
//
// A reply never waits for it and never fails by it. Rows wait here until no row of their model
// waits to be run, then a few run at a time; those that find too many waiting, or wait too long,
// are dropped. What becomes of each is counted in predictd_shadow_rows_total; the first failure of
// a pair of versions is logged.
class Shadow final : public TurnStep, private Timer {
 public:
  Shadow(Loop& loop, const repository::Catalog& catalog, batching::TurnBatches& batches,
         Metrics& metrics);

  // Whether rows answered by `version` are wanted at all.
  bool Follows(const repository::Version& version) const {
    return catalog_.ShadowOf(version).version != nullptr;
  }

  // A row was answered, by `version`; takes a copy where it is one of the share.
  void Offer(const Answer& answer, const repository::VersionHandle& version);

  // Resumes when no row is under way; those that still wait are dropped. To be awaited, after the
  // last Offer, before this is destroyed.
  Task<void> End();

  bool Turn() override;

 private:
  // Two versions that are compared.
  struct Pair {
    ShadowMetrics& numbers;
    double due = 0;  // of the next row, 1 = take it
    bool failure_logged = false;
  };
  struct Waiting {
    repository::VersionHandle answered_by;
    repository::VersionHandle shadow;
    FeatureValues features;
    OutputValues outputs;
    absl::Duration model_time;
    absl::Time since;
  };

  void Expired() override {}  // a turn follows
  Pair& PairOf(const repository::Version& answered, const repository::Version& shadow);
  // How many rows may run now without being in the way of others of their model.
  static int Room(const batching::QueueLimit& queue);
  Task<void> Run(Waiting row);
  // The shadow's features from those of the answer. False where one is missing without a default.
  bool Translate(const Waiting& row, FeatureValues& features);
  void Compare(const Waiting& row, absl::Span<const float> outputs, absl::Duration model_time);
  void Failed(const Waiting& row, absl::string_view why);

  Loop& loop_;
  const repository::Catalog& catalog_;
  batching::TurnBatches& batches_;
  Metrics& metrics_;
  ColumnLookup columns_;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, Pair> pairs_;  // by serials
  std::deque<Waiting> waiting_;
  Scope running_;
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_SHADOW_H_
