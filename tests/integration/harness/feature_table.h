// SQLite files of a test: the source's users, and the saved predictions.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_FEATURE_TABLE_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_FEATURE_TABLE_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/fakes/temp_folder.h"

namespace predictd::integration {

using SqlRow = std::vector<std::string>;  // NULL reads as "NULL"

// Runs statements on a connection of its own and returns the rows of the last; throws with SQLite's
// message.
std::vector<SqlRow> Sql(const std::string& file, const std::string& statements);

// Users `u0`, `u1`, ... with features f0, f1, ... in table user_features.
class FeatureTable {
 public:
  using Value = std::function<double(int user, int feature)>;

  // The value that tells user and feature apart, exact in a float: 10 * user + feature.
  static double Distinct(int user, int feature) { return 10.0 * user + feature; }

  FeatureTable(int users, int features, const Value& value = Distinct);

  std::string path() const { return folder_.File("users.db"); }
  // What --feature_source takes.
  std::string source() const { return "sqlite:" + path(); }
  std::vector<SqlRow> Run(const std::string& statements) const { return Sql(path(), statements); }

 private:
  const TempFolder folder_;
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_FEATURE_TABLE_H_
