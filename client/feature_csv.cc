#include "client/feature_csv.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace predictd::client {

absl::Status FeatureCsv::ReadHeader(absl::string_view key) {
  std::vector<std::string> cells;
  if (!reader_.Next(&cells)) return absl::NotFoundError("there is no header");
  for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
  const auto found = std::find(cells.begin(), cells.end(), key.empty() ? "user_id" : key);
  if (found == cells.end() && !key.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the header has no column '", key,
                                                   "'; there is ", absl::StrJoin(cells, ", ")));
  }
  key_column_ = found == cells.end() ? 0 : static_cast<size_t>(found - cells.begin());
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i == key_column_) continue;
    if (cells[i].empty()) {
      return absl::InvalidArgumentError(absl::StrCat("column ", i + 1, " of the header is empty"));
    }
    if (std::count(cells.begin(), cells.end(), cells[i]) > 1) {
      return absl::InvalidArgumentError(absl::StrCat("the header has '", cells[i], "' twice"));
    }
    names_.push_back(std::move(cells[i]));
  }
  if (names_.empty()) {
    return absl::InvalidArgumentError("the header has no feature beside the key's column");
  }
  return absl::OkStatus();
}

bool FeatureCsv::Next(v1::FeatureRow* row, absl::Status* status) {
  std::vector<std::string> cells;
  if (!reader_.Next(&cells)) return false;
  *status = Parse(cells, *row);
  return true;
}

absl::Status FeatureCsv::Parse(const std::vector<std::string>& cells, v1::FeatureRow& row) const {
  if (reader_.open_quote()) return absl::InvalidArgumentError("a quote has no end");
  if (cells.size() != names_.size() + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", cells.size(), " cells, and the header has ", names_.size() + 1));
  }
  row.Clear();
  row.set_user_id(cells[key_column_]);
  if (row.user_id().empty()) return absl::InvalidArgumentError("the user id is empty");
  for (size_t i = 0; i < names_.size(); ++i) {
    const absl::string_view cell = absl::StripAsciiWhitespace(cells[i < key_column_ ? i : i + 1]);
    double value = std::numeric_limits<double>::quiet_NaN();
    if (!cell.empty() && (!absl::SimpleAtod(cell, &value) || !std::isfinite(value))) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", names_[i], "' is '", cell, "', which is no number"));
    }
    row.add_values(value);
  }
  return absl::OkStatus();
}

int64_t CountRows(std::istream& in) {
  CsvReader reader(in);
  std::vector<std::string> cells;
  int64_t count = 0;
  while (reader.Next(&cells)) ++count;
  return std::max<int64_t>(count - 1, 0);
}

}  // namespace predictd::client
