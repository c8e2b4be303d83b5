// What most fault tests start from: users in SQLite, a model that shows whose row it was given, and
// what must hold again when the fault is over.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_RIG_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_RIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "predictd/v1/predictor.pb.h"
#include "tests/integration/faults/load.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {

// The steady state is back this soon after the repair: far more than the longest pause before the
// server tries again, because other programs may have the CPU for a while.
inline constexpr absl::Duration kRepair = absl::Seconds(15);
// No answer takes longer, whatever is broken, for the same reason.
inline constexpr absl::Duration kBound = absl::Seconds(15);

inline constexpr int kUsers = 200;
inline constexpr int kFeatures = 3;

// Model `m` version 1 answers with the row of users `u0` to `u199`, as FeatureTable::Distinct has
// them.
struct Rig {
  Rig();

  // Of a predictd with this repository and source, two event loops and two workers, without the
  // in-process cache, and with a source's time-out that a busy machine does not reach; `more` comes
  // last.
  std::vector<std::string> Flags(const std::vector<std::string>& more = {}) const;

  ModelRepository models;
  FeatureTable users{kUsers, kFeatures};
};

// User `u<number>`, round and round.
void AskForUser(int64_t number, v1::PredictRequest& request);

// Empty where the outputs are the row of the user that was asked for.
std::string OwnRow(const v1::PredictRequest& request, const v1::PredictResponse& response);

// Load whose answers are checked by OwnRow.
Load::Options OwnRowLoad();

// A failed request or a wrong answer fails the test; so does one that took longer than kBound.
void CheckUndisturbed(const Load::Result& result);

// The process lives, answers, and has nothing left in flight.
void CheckSteady(PredictdProcess& predictd, const v1::PredictRequest& request);
void CheckSteady(PredictdProcess& predictd, const std::string& model = "m");

// Waits until a call of any user takes its row from `origin`.
bool WaitForOrigin(PredictdProcess& predictd, v1::FeatureOrigin origin,
                   absl::Duration limit = kRepair);

// `predictd_feature_errors_total` of one kind.
double StoreErrors(PredictdProcess& predictd, const std::string& store, const std::string& kind);

// How often the log has this text so far.
int LogLines(PredictdProcess& predictd, const std::string& text);

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_RIG_H_
