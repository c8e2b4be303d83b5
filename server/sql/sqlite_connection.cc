#include "server/sql/sqlite_connection.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "server/base/status.h"

namespace predictd {
namespace {

// Virtual-machine instructions between two looks at the clock: some tens of microseconds.
constexpr int kInstructionsPerLook = 4000;

// Between two tries for a lock: short at first, since most locks are.
constexpr absl::Duration kFirstPause = absl::Milliseconds(1);
constexpr absl::Duration kLongestPause = absl::Milliseconds(10);

absl::StatusCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return absl::StatusCode::kAborted;
    case SQLITE_INTERRUPT:
      return absl::StatusCode::kDeadlineExceeded;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return absl::StatusCode::kInvalidArgument;
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// False, with errno, where not.
bool MayMakeFiles(const std::string& folder) {
  return ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

}  // namespace

SqliteConnection::SqliteConnection(std::string path, Mode mode, const Clock& clock)
    : path_(std::move(path)), mode_(mode), clock_(clock) {}

SqliteConnection::~SqliteConnection() { sqlite3_close_v2(handle_); }

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(std::string path,
                                                                         Mode mode,
                                                                         const Clock& clock) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(std::move(path), mode, clock));
  const int flags = (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY
                                             : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  // A path that starts with ":" would be a database in memory.
  const std::string name =
      connection->path_[0] == ':' ? absl::StrCat("./", connection->path_) : connection->path_;
  const int code = sqlite3_open_v2(name.c_str(), &connection->handle_, flags, nullptr);
  if (code != SQLITE_OK) return connection->Error(code);
  sqlite3_busy_handler(connection->handle_, WaitForLock, connection.get());
  if (mode == Mode::kReadOnly) {
    sqlite3_progress_handler(connection->handle_, kInstructionsPerLook, OutOfTime,
                             connection.get());
  }
  return connection;
}

bool SqliteConnection::TimeIsUp() const { return clock_.Now() >= deadline_; }

int SqliteConnection::WaitForLock(void* connection, int waits) {
  const auto& self = *static_cast<const SqliteConnection*>(connection);
  if (self.TimeIsUp()) return 0;
  absl::SleepFor(
      std::min({kFirstPause * (waits + 1), kLongestPause, self.deadline_ - self.clock_.Now()}));
  return 1;
}

int SqliteConnection::OutOfTime(void* connection) {
  return static_cast<const SqliteConnection*>(connection)->TimeIsUp() ? 1 : 0;
}

absl::StatusOr<SqliteStatement> SqliteConnection::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Error(code);
  return SqliteStatement(*this, statement);
}

absl::Status SqliteConnection::Execute(absl::string_view sql) {
  auto statement = Prepare(sql);
  PREDICTD_RETURN_IF_ERROR(statement.status());
  while (true) {
    const auto row = statement->Step();
    PREDICTD_RETURN_IF_ERROR(row.status());
    if (!*row) return absl::OkStatus();
  }
}

int SqliteConnection::changes() const { return sqlite3_changes(handle_); }

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void SqliteConnection::Rollback() {
  if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool SqliteConnection::Moved() const {
  int moved = 0;
  const int code = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return code == SQLITE_OK && moved != 0;
}

absl::Status SqliteConnection::Error(int code) const {
  // Without a handle there was no memory for one.
  const char* const text = handle_ != nullptr && sqlite3_extended_errcode(handle_) == code
                               ? sqlite3_errmsg(handle_)
                               : sqlite3_errstr(code);
  std::string message = absl::StrCat("'", path_, "': ", text);
  const absl::StatusCode meaning = CodeOf(code);
  int system_error = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_);
  // A file that cannot be made SQLite tries to read, and tells why that failed.
  const bool to_be_made = system_error == ENOENT && mode_ == Mode::kReadWrite;
  if (to_be_made && !MayMakeFiles(FolderOf(path_))) system_error = errno;
  if (meaning == absl::StatusCode::kUnavailable && system_error != 0) {
    absl::StrAppend(&message, " (", std::strerror(system_error), ")");
  }
  if (meaning == absl::StatusCode::kAborted && TimeIsUp()) {
    return absl::DeadlineExceededError(message);
  }
  return absl::Status(meaning, message);
}

}  // namespace predictd
