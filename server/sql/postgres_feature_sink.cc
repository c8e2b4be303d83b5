#include "server/sql/postgres_feature_sink.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/canonical_integer.h"
#include "server/sql/feature_column.h"
#include "server/sql/postgres_array.h"

namespace predictd {
namespace {

absl::Status CheckKey(const PostgresUpsert& plan, const std::string& user_id) {
  if (plan.key_bytes == 0) return absl::OkStatus();
  const std::optional<int64_t> number = CanonicalInteger(user_id);
  const FeatureColumn range = IntegerColumn("", plan.key_bytes);
  const bool fits =
      number && (plan.key_bytes == 8 || (static_cast<double>(*number) >= range.lowest &&
                                         static_cast<double>(*number) <= range.highest));
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the user id '", user_id, "' is no whole number that the table's key column holds"));
}

bool KeepsSession(const absl::Status& status) {
  return status.ok() || absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsAborted(status);
}

}  // namespace

absl::StatusOr<std::vector<absl::Status>> PostgresFeatureSink::Write(
    absl::Span<const std::string> names, absl::Span<const FeatureRecord> rows) {
  const bool connected = link_.connected();
  auto statuses = TryWrite(names, rows);
  // A connection that was lost since the last write is noticed only now.
  if (connected && !link_.connected() && absl::IsUnavailable(statuses.status())) {
    statuses = TryWrite(names, rows);
  }
  return statuses;
}

absl::StatusOr<std::vector<absl::Status>> PostgresFeatureSink::TryWrite(
    absl::Span<const std::string> names, absl::Span<const FeatureRecord> rows) {
  PREDICTD_RETURN_IF_ERROR(link_.Connect());
  const absl::Time deadline = clock_.Now() + options_.timeout;
  const auto plan =
      PlanPostgresUpsert(link_.session(), options_.table, options_.key_column, names, deadline);
  link_.CloseUnless(KeepsSession(plan.status()));
  PREDICTD_RETURN_IF_ERROR(plan.status());

  Batch batch{*plan, rows, deadline, {}};
  for (const FeatureRecord& row : rows) {
    absl::Status status = CheckRecord(plan->columns, row);
    if (status.ok()) status = CheckKey(*plan, row.user_id);
    batch.statuses.push_back(std::move(status));
  }
  const std::vector<size_t> last = LastOfEachUser(rows, batch.statuses);
  std::vector<size_t> positions;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (batch.statuses[i].ok() && last[i] == i) positions.push_back(i);
  }
  // In one order, so that writers of the same users never wait for each other in a circle.
  std::sort(positions.begin(), positions.end(),
            [&](size_t a, size_t b) { return rows[a].user_id < rows[b].user_id; });
  if (!positions.empty()) {
    const absl::Status written = WriteHalving(batch, positions);
    link_.CloseUnless(KeepsSession(written));
    PREDICTD_RETURN_IF_ERROR(written);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (last[i] != i) batch.statuses[i] = batch.statuses[last[i]];
  }
  return std::move(batch.statuses);
}

absl::Status PostgresFeatureSink::WriteHalving(Batch& batch, absl::Span<const size_t> positions) {
  absl::Status written = WriteRows(batch, positions);
  if (!absl::IsInvalidArgument(written)) return written;
  if (positions.size() == 1) {
    batch.statuses[positions[0]] = std::move(written);
    return absl::OkStatus();
  }
  const size_t half = positions.size() / 2;
  PREDICTD_RETURN_IF_ERROR(WriteHalving(batch, positions.first(half)));
  return WriteHalving(batch, positions.subspan(half));
}

absl::Status PostgresFeatureSink::WriteRows(Batch& batch, absl::Span<const size_t> positions) {
  const PostgresUpsert& plan = batch.plan;
  PostgresArray keys(PostgresArray::Element::kText);
  std::vector<PostgresArray> values(plan.columns.size(),
                                    PostgresArray(PostgresArray::Element::kDouble));
  for (const size_t position : positions) {
    const FeatureRecord& row = batch.rows[position];
    keys.AppendText(row.user_id);
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(row.values[i])) {
        values[i].AppendNull();
      } else {
        values[i].AppendDouble(row.values[i]);
      }
    }
  }
  PostgresStatement write{plan.sql, {keys.bytes()}};
  for (const PostgresArray& column : values) write.parameters.push_back(column.bytes());
  const auto results = link_.session().Transact({&write, 1}, batch.deadline);
  PREDICTD_RETURN_IF_ERROR(results.status());
  if (plan.needed_column.empty()) return absl::OkStatus();

  const absl::Status is_new = absl::InvalidArgumentError(absl::StrCat(
      "the user is new, and the table needs a value for column '", plan.needed_column, "'"));
  for (const size_t position : positions) batch.statuses[position] = is_new;
  const PostgresResult& written = results->front();
  for (int row = 0; row < written.rows(); ++row) {
    size_t from_one = 0;
    if (absl::SimpleAtoi(written.Text(row, 0), &from_one)) {
      batch.statuses[positions[from_one - 1]] = absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

}  // namespace predictd
