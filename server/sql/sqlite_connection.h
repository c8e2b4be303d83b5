// An open SQLite file: its handle, its errors as absl::Status, and a bound on every wait.
#ifndef PREDICTD_SERVER_SQL_SQLITE_CONNECTION_H_
#define PREDICTD_SERVER_SQL_SQLITE_CONNECTION_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/sql/sqlite_statement.h"

struct sqlite3;

namespace predictd {

// One thread at a time, no locks of its own. Blocking. Outlives its statements.
//
// Errors name the file:
//   DEADLINE_EXCEEDED  the file was locked, or a statement that reads ran, until the deadline
//   ABORTED            locked in a way that waiting does not help; again may
//   INVALID_ARGUMENT   a constraint, a type or a size refuses what was written
//   UNAVAILABLE        the file cannot be opened, read or written (missing, damaged, disk full)
//   INTERNAL           everything else, such as a table or column that is not there
class SqliteConnection {
 public:
  enum class Mode { kReadOnly, kReadWrite };  // kReadWrite creates the file where there is none

  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(std::string path, Mode mode,
                                                                const Clock& clock);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  // Until when (of the clock's Now) statements may wait for others' locks and, where the file is
  // only read, may run. What is written takes its time: given up, it would take as long again.
  void SetDeadline(absl::Time deadline) { deadline_ = deadline; }

  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql);
  // Runs one statement to its end; rows it returns are passed over.
  absl::Status Execute(absl::string_view sql);

  // Rows that the last INSERT, UPDATE or DELETE changed.
  int changes() const;
  bool in_transaction() const;
  // Undoes the transaction if there is one.
  void Rollback();

  // True where the path no longer names the file that is open: it was replaced or removed.
  bool Moved() const;

  const std::string& path() const { return path_; }
  // What `code` of SQLite, just returned for this connection, means.
  absl::Status Error(int code) const;

 private:
  SqliteConnection(std::string path, Mode mode, const Clock& clock);

  // SQLite's callbacks.
  static int WaitForLock(void* connection, int waits);
  static int OutOfTime(void* connection);
  bool TimeIsUp() const;

  const std::string path_;
  const Mode mode_;
  const Clock& clock_;
  sqlite3* handle_ = nullptr;
  absl::Time deadline_ = absl::InfiniteFuture();
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_SQLITE_CONNECTION_H_
