// Where users' rows are written: the table from which a FeatureSource reads.
#ifndef PREDICTD_SERVER_SQL_FEATURE_SINK_H_
#define PREDICTD_SERVER_SQL_FEATURE_SINK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/feature_record.h"

namespace predictd {

// Blocking: called by one thread at a time, never on a loop.
class FeatureSink {
 public:
  virtual ~FeatureSink() = default;

  // Writes the rows that can be written, in one transaction, and creates the table where there is
  // none; of several rows of one user the last. Columns not named are left as they are, and NULL
  // in a new row. Repeating a write changes nothing.
  //
  // Per row, in order, OK or INVALID_ARGUMENT with what is wrong with that row alone. An error of
  // its own, with which nothing is certain to be written: INVALID_ARGUMENT where the names are at
  // fault, FAILED_PRECONDITION where the table is (a view, no unique index on the key); else the
  // store's, naming it, which may pass.
  virtual absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const std::string> names,
                                                          absl::Span<const FeatureRecord> rows) = 0;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_FEATURE_SINK_H_
