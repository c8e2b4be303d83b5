#include "server/sql/sqlite_row_reader.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/sql/canonical_integer.h"
#include "server/sql/feature_column.h"
#include "server/sql/sqlite_columns.h"

namespace predictd {
namespace {

// Most of a table of some ten thousand users stays in memory; of this connection, not the file.
constexpr absl::string_view kCacheSize = "PRAGMA cache_size = -16384";

float FeatureValue(const SqliteStatement& row, int column) {
  constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  switch (row.Type(column)) {
    case SqliteType::kInteger:
      return static_cast<float>(row.Integer(column));
    case SqliteType::kReal: {
      // What is too large for a float is no feature that a model could take.
      const double value = row.Real(column);
      return std::abs(value) <= std::numeric_limits<float>::max() ? static_cast<float>(value)
                                                                  : kMissing;
    }
    default:
      return kMissing;
  }
}

bool MeansNoTable(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteRowReader>> SqliteRowReader::Open(Options options,
                                                                       absl::Time deadline,
                                                                       const Clock& clock) {
  std::unique_ptr<SqliteRowReader> reader(new SqliteRowReader(std::move(options), clock));
  absl::Status status = reader->Connect(deadline);
  if (status.ok()) status = reader->BeginTransaction();
  reader->End();
  if (status.ok()) return reader;
  if (absl::IsFailedPrecondition(status)) {
    Log(LogLevel::kWarning, status.message());
    reader->session_.reset();
    return reader;
  }
  // What the flags' values explain says so already.
  if (absl::IsInvalidArgument(status)) return status;
  return absl::Status(status.code(), absl::StrCat("--feature_source: ", status.message(),
                                                  "; give it a SQLite file that can be read"));
}

absl::Status SqliteRowReader::Connect(absl::Time deadline) {
  auto opened = SqliteConnection::Open(options_.path, SqliteConnection::Mode::kReadOnly, clock_);
  PREDICTD_RETURN_IF_ERROR(opened.status());
  std::unique_ptr<SqliteConnection> connection = *std::move(opened);
  connection->SetDeadline(deadline);
  PREDICTD_RETURN_IF_ERROR(connection->Execute(kCacheSize));
  auto begin = connection->Prepare("BEGIN");
  PREDICTD_RETURN_IF_ERROR(begin.status());
  auto commit = connection->Prepare("COMMIT");
  PREDICTD_RETURN_IF_ERROR(commit.status());
  auto version = connection->Prepare("PRAGMA schema_version");
  PREDICTD_RETURN_IF_ERROR(version.status());
  session_.emplace(
      Session{std::move(connection), *std::move(begin), *std::move(commit), *std::move(version)});
  return absl::OkStatus();
}

absl::Status SqliteRowReader::BeginTransaction() {
  read_at_ = clock_.WallNow();
  const absl::Status begun = session_->begin.Step().status();
  session_->begin.Reset();
  PREDICTD_RETURN_IF_ERROR(begun);
  const absl::Status asked = session_->version.Step().status();
  const int64_t version = asked.ok() ? session_->version.Integer(0) : 0;
  session_->version.Reset();
  PREDICTD_RETURN_IF_ERROR(asked);
  if (session_->select && session_->looked_version == version) return absl::OkStatus();
  session_->select.reset();
  PREDICTD_RETURN_IF_ERROR(Look());
  auto select = session_->connection->Prepare(table_.select);
  PREDICTD_RETURN_IF_ERROR(select.status());
  session_->select.emplace(*std::move(select));
  session_->looked_version = version;
  return absl::OkStatus();
}

absl::Status SqliteRowReader::Look() {
  SqliteConnection& connection = *session_->connection;
  auto table = DescribeFeatureTable(connection, options_.table, options_.key_column);
  PREDICTD_RETURN_IF_ERROR(table.status());
  const bool other = table->select != table_.select;
  if (!table->left_out.empty() && table->left_out != table_.left_out) {
    Log(LogLevel::kInfo, "columns of the feature table that are neither numeric nor boolean",
        {{"table", options_.table}, {"left_out", absl::StrJoin(table->left_out, ",")}});
  }
  table_ = *std::move(table);
  schema_ = published_.Publish(std::make_shared<const Schema>(table_.features));
  if (!other) return absl::OkStatus();
  const auto scans = ScansWholeTable(connection, table_.select);
  PREDICTD_RETURN_IF_ERROR(scans.status());
  if (*scans) {
    Log(LogLevel::kWarning, "every feature read scans the table: give the key column an index",
        {{"table", options_.table}, {"key", options_.key_column}, {"file", options_.path}});
  }
  return absl::OkStatus();
}

void SqliteRowReader::Begin() {
  retried_ = false;
  no_table_ = absl::OkStatus();
  if (session_ && session_->connection->Moved()) session_.reset();
}

void SqliteRowReader::End() {
  if (!session_ || !session_->connection->in_transaction()) return;
  const bool committed = session_->commit.Step().ok();
  session_->commit.Reset();
  if (!committed) session_.reset();
}

absl::StatusOr<std::optional<FeatureRow>> SqliteRowReader::Read(absl::string_view user_id,
                                                                absl::Time deadline) {
  if (!no_table_.ok()) return no_table_;
  auto row = TryRead(user_id, deadline);
  if (row.ok() || retried_ || !no_table_.ok() || clock_.Now() >= deadline) return row;
  // The row itself, such as a view's JSON that is none: a file opened anew has it too.
  if (absl::IsInternal(row.status()) && session_) return row;
  retried_ = true;
  session_.reset();
  return TryRead(user_id, deadline);
}

absl::StatusOr<std::optional<FeatureRow>> SqliteRowReader::TryRead(absl::string_view user_id,
                                                                   absl::Time deadline) {
  if (!session_) PREDICTD_RETURN_IF_ERROR(Connect(deadline));
  session_->connection->SetDeadline(deadline);
  if (!session_->connection->in_transaction()) {
    const absl::Status begun = BeginTransaction();
    // It was looked for a moment ago: the others of the batch need not.
    if (MeansNoTable(begun)) no_table_ = begun;
    if (!begun.ok()) session_.reset();
    PREDICTD_RETURN_IF_ERROR(begun);
  }
  const absl::Cleanup reset = [this] { session_->select->Reset(); };
  const auto found = Find(user_id);
  PREDICTD_RETURN_IF_ERROR(found.status());
  if (!*found) return std::nullopt;
  return CurrentRow();
}

absl::StatusOr<bool> SqliteRowReader::Find(absl::string_view user_id) {
  const std::optional<int64_t> number =
      table_.key == SqliteKey::kText ? std::nullopt : CanonicalInteger(user_id);
  if (number) {
    session_->select->BindInteger(1, *number);
    const auto found = StepToKey(user_id);
    if (!found.ok() || *found || table_.key == SqliteKey::kNumber) return found;
    session_->select->Reset();
  }
  session_->select->BindText(1, user_id);
  return StepToKey(user_id);
}

absl::StatusOr<bool> SqliteRowReader::StepToKey(absl::string_view user_id) {
  while (true) {
    const auto row = session_->select->Step();
    if (!row.ok() || !*row) return row;
    // SQLite's comparison is wider than ours: '042' equals the number 42, and 'a' may equal 'A'.
    if (session_->select->Text(0) == user_id) return true;
  }
}

FeatureRow SqliteRowReader::CurrentRow() const {
  FeatureRow row;
  row.schema = schema_;
  row.read_at = read_at_;
  row.origin = FeatureOrigin::kSource;
  row.values.resize(schema_->size());
  for (size_t i = 0; i < row.values.size(); ++i) {
    row.values[i] = FeatureValue(*session_->select, static_cast<int>(i) + 1);
  }
  return row;
}

}  // namespace predictd
