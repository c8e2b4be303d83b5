// What a column of a feature table can hold, and whether a row fits.
#ifndef PREDICTD_SERVER_SQL_FEATURE_COLUMN_H_
#define PREDICTD_SERVER_SQL_FEATURE_COLUMN_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/feature_record.h"

namespace predictd {

struct FeatureColumn {
  std::string name;
  bool whole = false;
  // A feature is a float: what is beyond would be read back as missing.
  double lowest = std::numeric_limits<float>::lowest();
  double highest = std::numeric_limits<float>::max();
};

FeatureColumn RealColumn(absl::string_view name);
FeatureColumn BooleanColumn(absl::string_view name);  // 0 or 1
// Of so many bytes: 2, 4 or 8.
FeatureColumn IntegerColumn(absl::string_view name, int bytes);

// INVALID_ARGUMENT with what is wrong: the user id's length or a NUL in it, another number of
// values than columns, a value that its column cannot hold.
absl::Status CheckRecord(absl::Span<const FeatureColumn> columns, const FeatureRecord& record);

// INVALID_ARGUMENT where the names are none, or one of them is empty, there twice, the key's, has a
// NUL or is longer than `longest` bytes.
absl::Status CheckFeatureNames(absl::Span<const std::string> names, absl::string_view key_column,
                               size_t longest);

// Per row the position of the last one of the same user whose status is OK, which is the one that
// counts; of a row whose own status is not, its own.
std::vector<size_t> LastOfEachUser(absl::Span<const FeatureRecord> rows,
                                   absl::Span<const absl::Status> statuses);

// For messages: 'age', 'score', 'plan'.
std::string ListOfNames(absl::Span<const std::string> names);

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_FEATURE_COLUMN_H_
