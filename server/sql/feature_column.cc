#include "server/sql/feature_column.h"

#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"

namespace predictd {
namespace {

constexpr size_t kLongestUserId = 512;

// The greatest double that a 64-bit integer holds: the next one is 2^63.
constexpr double kHighestInteger = 9223372036854774784.0;

absl::Status CheckValue(const FeatureColumn& column, double value) {
  if (std::isnan(value)) return absl::OkStatus();
  // Written so that infinities are outside.
  if (!(value >= column.lowest && value <= column.highest)) {
    return absl::InvalidArgumentError(absl::StrCat("'", column.name, "' is ", value,
                                                   ", outside of ", column.lowest, " to ",
                                                   column.highest, ", which the column can hold"));
  }
  if (column.whole && value != std::trunc(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", column.name, "' is ", value, ", and its column holds whole numbers"));
  }
  return absl::OkStatus();
}

}  // namespace

FeatureColumn RealColumn(absl::string_view name) { return {.name = std::string(name)}; }

FeatureColumn BooleanColumn(absl::string_view name) { return {std::string(name), true, 0, 1}; }

FeatureColumn IntegerColumn(absl::string_view name, int bytes) {
  const double beyond = std::ldexp(1.0, 8 * bytes - 1);
  return {std::string(name), true, -beyond, bytes < 8 ? beyond - 1 : kHighestInteger};
}

absl::Status CheckRecord(absl::Span<const FeatureColumn> columns, const FeatureRecord& record) {
  if (record.user_id.empty()) return absl::InvalidArgumentError("the user id is empty");
  if (record.user_id.size() > kLongestUserId) {
    return absl::InvalidArgumentError(absl::StrCat("the user id has ", record.user_id.size(),
                                                   " bytes, more than ", kLongestUserId));
  }
  if (record.user_id.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the user id has a NUL byte");
  }
  if (record.values.size() != columns.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", record.values.size(), " values for ", columns.size(), " names"));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    PREDICTD_RETURN_IF_ERROR(CheckValue(columns[i], record.values[i]));
  }
  return absl::OkStatus();
}

absl::Status CheckFeatureNames(absl::Span<const std::string> names, absl::string_view key_column,
                               size_t longest) {
  if (names.empty()) return absl::InvalidArgumentError("names: is empty; name the features");
  absl::flat_hash_set<absl::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty()) return absl::InvalidArgumentError("names: one of them is empty");
    if (name.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("names: one of them has a NUL byte");
    }
    if (name.size() > longest) {
      return absl::InvalidArgumentError(
          absl::StrCat("names: '", name, "' is longer than ", longest, " bytes"));
    }
    if (name == key_column) {
      return absl::InvalidArgumentError(
          absl::StrCat("names: '", name, "' is the column of the user ids, not a feature"));
    }
    if (!seen.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("names: '", name, "' is there twice"));
    }
  }
  return absl::OkStatus();
}

std::vector<size_t> LastOfEachUser(absl::Span<const FeatureRecord> rows,
                                   absl::Span<const absl::Status> statuses) {
  absl::flat_hash_map<absl::string_view, size_t> last;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (statuses[i].ok()) last[rows[i].user_id] = i;
  }
  std::vector<size_t> positions;
  positions.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    positions.push_back(statuses[i].ok() ? last[rows[i].user_id] : i);
  }
  return positions;
}

std::string ListOfNames(absl::Span<const std::string> names) {
  return names.empty() ? "none" : absl::StrCat("'", absl::StrJoin(names, "', '"), "'");
}

}  // namespace predictd
