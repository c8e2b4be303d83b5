// What a statement returned.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_RESULT_H_
#define PREDICTD_SERVER_SQL_POSTGRES_RESULT_H_

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

struct pg_result;

namespace predictd {

// Lives on after its session. Rows and columns count from 0.
class PostgresResult {
 public:
  explicit PostgresResult(pg_result* result) : result_(result) {}

  int rows() const;
  // As PostgreSQL writes the value; empty for NULL. Valid as long as the result.
  absl::string_view Text(int row, int column) const;
  // PostgreSQL's boolean.
  bool IsTrue(int row, int column) const { return Text(row, column) == "t"; }
  // Rows that an INSERT or UPDATE changed.
  int64_t changed() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_RESULT_H_
