#include "server/sql/sqlite_feature_sink.h"

#include <charconv>
#include <cstdint>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/canonical_integer.h"
#include "server/sql/feature_column.h"

namespace predictd {
namespace {

// What a column with a number's affinity would turn into a number, such as "042" or "1e3".
bool LooksLikeNumber(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (text.empty() || absl::ascii_isalpha(text.back())) return false;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ptr == end;
}

}  // namespace

absl::StatusOr<std::vector<absl::Status>> SqliteFeatureSink::Write(
    absl::Span<const std::string> names, absl::Span<const FeatureRecord> rows) {
  if (connection_ != nullptr && connection_->Moved()) connection_.reset();
  if (connection_ == nullptr) {
    auto opened = SqliteConnection::Open(options_.path, SqliteConnection::Mode::kReadWrite, clock_);
    PREDICTD_RETURN_IF_ERROR(opened.status());
    connection_ = *std::move(opened);
  }
  connection_->SetDeadline(clock_.Now() + options_.timeout);
  auto statuses = WriteAll(names, rows);
  if (statuses.ok()) return statuses;
  connection_->Rollback();
  if (absl::IsUnavailable(statuses.status()) || absl::IsInternal(statuses.status())) {
    connection_.reset();
  }
  return statuses;
}

absl::StatusOr<std::vector<absl::Status>> SqliteFeatureSink::WriteAll(
    absl::Span<const std::string> names, absl::Span<const FeatureRecord> rows) {
  PREDICTD_RETURN_IF_ERROR(connection_->Execute("BEGIN IMMEDIATE"));
  const auto plan = PlanSqliteUpsert(*connection_, options_.table, options_.key_column, names);
  PREDICTD_RETURN_IF_ERROR(plan.status());
  std::vector<absl::Status> statuses;
  statuses.reserve(rows.size());
  {
    auto write = connection_->Prepare(plan->sql);
    PREDICTD_RETURN_IF_ERROR(write.status());
    auto select_number = connection_->Prepare(plan->select_number);
    PREDICTD_RETURN_IF_ERROR(select_number.status());
    for (const FeatureRecord& row : rows) {
      absl::Status status = CheckRecord(plan->columns, row);
      if (status.ok()) status = WriteRow(*plan, row, *write, *select_number);
      if (!status.ok() && !absl::IsInvalidArgument(status)) return status;
      // A trigger may have ended it.
      if (!connection_->in_transaction()) return absl::InternalError(status.message());
      statuses.push_back(std::move(status));
    }
  }
  PREDICTD_RETURN_IF_ERROR(connection_->Execute("COMMIT"));
  return statuses;
}

absl::Status SqliteFeatureSink::WriteRow(const SqliteUpsert& plan, const FeatureRecord& row,
                                         SqliteStatement& write, SqliteStatement& select_number) {
  const absl::Cleanup reset = [&write] { write.Reset(); };
  PREDICTD_RETURN_IF_ERROR(BindKey(plan, row.user_id, write, select_number));
  for (size_t i = 0; i < row.values.size(); ++i) {
    write.BindReal(static_cast<int>(i) + 2, row.values[i]);
  }
  PREDICTD_RETURN_IF_ERROR(write.Step().status());
  if (connection_->changes() > 0) return absl::OkStatus();
  if (!plan.needed_column.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the user is new, and the table needs a value "
                     "for column '",
                     plan.needed_column, "'"));
  }
  return absl::InvalidArgumentError("the table takes the user id for another one that it has");
}

absl::Status SqliteFeatureSink::BindKey(const SqliteUpsert& plan, const std::string& user_id,
                                        SqliteStatement& write, SqliteStatement& select_number) {
  const std::optional<int64_t> number =
      plan.key == SqliteKey::kText ? std::nullopt : CanonicalInteger(user_id);
  if (plan.key == SqliteKey::kUntyped && number) {
    // The row that is there may have either.
    const absl::Cleanup reset = [&select_number] { select_number.Reset(); };
    select_number.BindInteger(1, *number);
    const auto found = select_number.Step();
    PREDICTD_RETURN_IF_ERROR(found.status());
    if (*found) {
      write.BindInteger(1, *number);
    } else {
      write.BindText(1, user_id);
    }
    return absl::OkStatus();
  }
  if (number) {
    write.BindInteger(1, *number);
    return absl::OkStatus();
  }
  if (plan.integer_key || (plan.key == SqliteKey::kNumber && LooksLikeNumber(user_id))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the user id '", user_id, "' is no whole number as the table's key column writes it"));
  }
  write.BindText(1, user_id);
  return absl::OkStatus();
}

}  // namespace predictd
