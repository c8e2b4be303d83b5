// A PostgreSQL address, taken apart: what libpq connects with, and what may be shown.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_OPTIONS_H_
#define PREDICTD_SERVER_SQL_POSTGRES_OPTIONS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct pg_conn;

namespace predictd {

// Constant after construction; any thread.
class PostgresOptions {
 public:
  // `uri` as StoreAddress has it. INVALID_ARGUMENT where libpq cannot read it, or takes a part of
  // the password for something else; the message shows nothing of it.
  static absl::StatusOr<PostgresOptions> Parse(const std::string& uri);

  // Starts to connect; libpq's handle is the caller's, null where there is no memory. May wait for
  // the look-up of a host's name. Of several hosts `attempt` says which is the first.
  pg_conn* Start(size_t attempt) const;

  // "postgresql://host:port/database": never the password, nor any parameter that might hold one.
  const std::string& shown() const { return shown_; }

 private:
  PostgresOptions() = default;
  std::string Get(absl::string_view keyword) const;  // "" where it was not given

  std::vector<std::pair<std::string, std::string>> values_;  // keyword and value, as given
  std::string shown_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_OPTIONS_H_
