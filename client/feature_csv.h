// Users' rows from CSV: a header with the key's column and feature names, then a line per user.
#ifndef PREDICTD_CLIENT_FEATURE_CSV_H_
#define PREDICTD_CLIENT_FEATURE_CSV_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/csv_reader.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {

// One thread.
class FeatureCsv {
 public:
  explicit FeatureCsv(std::istream& in) : reader_(in) {}

  // Reads the header, once. `key` names the key's column; empty = "user_id" where there is such a
  // column, else the first. INVALID_ARGUMENT says what is wrong with the header; NOT_FOUND where
  // the input is empty.
  absl::Status ReadHeader(absl::string_view key);

  // The features' names, in order.
  const std::vector<std::string>& names() const { return names_; }

  // Reads the next line; false at the end. `*status` is OK, or INVALID_ARGUMENT with what is wrong
  // with the line, and `row` then of no use. An empty cell is a missing value.
  bool Next(v1::FeatureRow* row, absl::Status* status);

  // Of the line just read, counted from 1.
  int64_t line() const { return reader_.line(); }
  // The end came because reading failed.
  bool failed() const { return reader_.failed(); }

 private:
  absl::Status Parse(const std::vector<std::string>& cells, v1::FeatureRow& row) const;

  CsvReader reader_;
  size_t key_column_ = 0;
  std::vector<std::string> names_;
};

// Lines after the header.
int64_t CountRows(std::istream& in);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_FEATURE_CSV_H_
