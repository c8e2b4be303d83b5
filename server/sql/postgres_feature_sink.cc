#include "server/sql/postgres_feature_sink.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/canonical_integer.h"
#include "server/sql/feature_column.h"
#include "server/sql/postgres_array.h"

namespace predictd {
namespace {

bool Fits(const PostgresUpsert& plan, const std::string& user_id) {
  if (!MayBeKey(plan.key, user_id)) return false;
  if (plan.key != PostgresKey::kInteger || plan.key_bytes == 8) return true;
  const auto number = static_cast<double>(*CanonicalInteger(user_id));
  const FeatureColumn range = IntegerColumn("", plan.key_bytes);
  return number >= range.lowest && number <= range.highest;
}

absl::Status CheckKey(const PostgresUpsert& plan, const std::string& user_id) {
  if (Fits(plan, user_id)) return absl::OkStatus();
  switch (plan.key) {
    case PostgresKey::kInteger:
      return absl::InvalidArgumentError(absl::StrCat(
          "the user id '", user_id, "' is no whole number that the table's key column holds"));
    case PostgresKey::kUuid:
      return absl::InvalidArgumentError(
          absl::StrCat("the user id '", user_id, "' is no uuid as PostgreSQL writes it"));
    case PostgresKey::kPadded:
    case PostgresKey::kText:
      break;
  }
  return absl::InvalidArgumentError("the user id is no text that the table's key column can hold");
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
  if (plan.refusal.empty()) return absl::OkStatus();

  const PostgresResult& returned = results->front();
  absl::flat_hash_set<absl::string_view> written;
  for (int row = 0; row < returned.rows(); ++row) written.insert(returned.Text(row, 0));
  for (const size_t position : positions) {
    if (written.contains(batch.rows[position].user_id)) continue;
    batch.statuses[position] = absl::InvalidArgumentError(plan.refusal);
  }
  return absl::OkStatus();
}

}  // namespace predictd
