#include "server/sql/postgres_store.h"

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/sql/postgres_error.h"
#include "server/sql/postgres_predictions_table.h"

namespace predictd {
namespace {

// Nothing that the passing of time repairs.
bool IsDefinite(const absl::Status& status) {
  return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
         !absl::IsAborted(status) && !absl::IsDataLoss(status);
}

// Says nothing about the connection: a lock, or a row that is refused.
bool KeepsSession(const absl::Status& status) {
  return status.ok() || absl::IsAborted(status) || absl::IsInvalidArgument(status) ||
         absl::IsDataLoss(status);
}

absl::Status CheckTexts(const Prediction& prediction) {
  for (const absl::string_view text :
       {absl::string_view(prediction.prediction_id), absl::string_view(prediction.idempotency_key),
        absl::string_view(prediction.user_id), absl::string_view(prediction.model),
        absl::string_view(prediction.version)}) {
    if (text.find('\0') == absl::string_view::npos) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "prediction ", prediction.prediction_id, " has a NUL byte, which PostgreSQL cannot hold"));
  }
  return absl::OkStatus();
}

}  // namespace

PostgresStore::PostgresStore(Options options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      writing_(options_.uri, options_.connect_timeout, clock),
      columns_(kPredictionColumnCount, PostgresArray(PostgresArray::Element::kText)),
      finding_(options_.uri, options_.connect_timeout, clock) {}

absl::StatusOr<std::unique_ptr<PostgresStore>> PostgresStore::Create(Options options,
                                                                     const Clock& clock) {
  std::unique_ptr<PostgresStore> store(new PostgresStore(std::move(options), clock));
  const absl::Status connected = store->writing_.Connect();
  const absl::Status opened = connected.ok() ? store->OpenForWriting() : connected;
  if (opened.ok()) return store;
  if (IsDefinite(opened)) {
    const absl::string_view remedy =
        connected.ok() ? "; give it a database in which predictd may create and write a table "
                         "'predictions' of its own"
                       : PostgresConnectRemedy(connected);
    return absl::Status(opened.code(), absl::StrCat("--save_to: ", opened.message(), remedy));
  }
  Log(LogLevel::kWarning, "the store of predictions does not answer yet: predictions wait for it",
      {{"error", opened.message()}});
  return store;
}

absl::Status PostgresStore::OpenForWriting() {
  PREDICTD_RETURN_IF_ERROR(writing_.Connect());
  const absl::Status prepared = PreparePredictionsTable(writing_.session(), Deadline());
  // To be prepared again, whatever was wrong.
  writing_.CloseUnless(prepared.ok());
  return prepared;
}

absl::StatusOr<std::vector<std::string>> PostgresStore::Write(
    absl::Span<const Prediction* const> predictions) {
  PREDICTD_RETURN_IF_ERROR(Fill(predictions));
  const bool connected = writing_.connected();
  auto ids = TryWrite(predictions);
  // A connection that was lost since the last write is noticed only now.
  if (connected && !writing_.connected() && absl::IsUnavailable(ids.status())) {
    ids = TryWrite(predictions);
  }
  return ids;
}

absl::Status PostgresStore::Fill(absl::Span<const Prediction* const> predictions) {
  for (PostgresArray& column : columns_) column.Clear();
  for (const Prediction* prediction : predictions) {
    PREDICTD_RETURN_IF_ERROR(CheckTexts(*prediction));
    const absl::StatusOr<PredictionTexts> texts = format_.Format(*prediction);
    PREDICTD_RETURN_IF_ERROR(texts.status());
    for (size_t i = 0; i < texts->size(); ++i) columns_[i].AppendText((*texts)[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> PostgresStore::TryWrite(
    absl::Span<const Prediction* const> predictions) {
  if (!writing_.connected()) PREDICTD_RETURN_IF_ERROR(OpenForWriting());
  auto ids = Insert(predictions);
  writing_.CloseUnless(KeepsSession(ids.status()));
  return ids;
}

absl::StatusOr<std::vector<std::string>> PostgresStore::Insert(
    absl::Span<const Prediction* const> predictions) {
  PostgresStatement insert{std::string(kInsertPredictions)};
  for (const PostgresArray& column : columns_) insert.parameters.push_back(column.bytes());
  const auto inserted = writing_.session().Transact({&insert, 1}, Deadline());
  PREDICTD_RETURN_IF_ERROR(inserted.status());
  if (inserted->front().changed() != static_cast<int64_t>(predictions.size())) {
    return FindStanding(predictions);
  }
  Ids ids;
  ids.reserve(predictions.size());
  for (const Prediction* prediction : predictions) ids.push_back(prediction->prediction_id);
  return ids;
}

absl::StatusOr<std::vector<std::string>> PostgresStore::FindStanding(
    absl::Span<const Prediction* const> predictions) {
  const PostgresStatement select{std::string(kSelectStanding),
                                 {columns_[0].bytes(), columns_[1].bytes()}};
  const auto results = writing_.session().Transact({&select, 1}, Deadline());
  PREDICTD_RETURN_IF_ERROR(results.status());
  const PostgresResult& rows = results->front();
  absl::flat_hash_set<absl::string_view> ids;
  absl::flat_hash_map<absl::string_view, absl::string_view> id_of_key;
  for (int row = 0; row < rows.rows(); ++row) {
    ids.insert(rows.Text(row, 0));
    if (!rows.Text(row, 1).empty()) id_of_key.emplace(rows.Text(row, 1), rows.Text(row, 0));
  }
  Ids standing;
  standing.reserve(predictions.size());
  for (const Prediction* prediction : predictions) {
    const auto keyed = id_of_key.find(prediction->idempotency_key);
    if (keyed != id_of_key.end()) {
      standing.emplace_back(keyed->second);
    } else if (ids.contains(prediction->prediction_id)) {
      standing.push_back(prediction->prediction_id);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("prediction ", prediction->prediction_id,
                       " is refused by another unique index or a trigger of 'predictions'"));
    }
  }
  return standing;
}

absl::StatusOr<std::optional<Prediction>> PostgresStore::Find(absl::string_view prediction_id) {
  // No text that PostgreSQL can hold.
  if (prediction_id.find('\0') != absl::string_view::npos) return std::nullopt;
  const bool connected = finding_.connected();
  auto prediction = TryFind(prediction_id);
  if (connected && !finding_.connected() && absl::IsUnavailable(prediction.status())) {
    prediction = TryFind(prediction_id);
  }
  return prediction;
}

absl::StatusOr<std::optional<Prediction>> PostgresStore::TryFind(absl::string_view prediction_id) {
  PREDICTD_RETURN_IF_ERROR(finding_.Connect());
  const PostgresStatement select{std::string(kSelectPredictionById), {prediction_id}};
  const auto results = finding_.session().Transact({&select, 1}, Deadline());
  finding_.CloseUnless(KeepsSession(results.status()));
  PREDICTD_RETURN_IF_ERROR(results.status());
  const PostgresResult& rows = results->front();
  if (rows.rows() == 0) return std::nullopt;
  PredictionTexts texts;
  for (size_t i = 0; i < texts.size(); ++i) texts[i] = rows.Text(0, static_cast<int>(i));
  auto prediction = ParsePrediction(texts);
  PREDICTD_RETURN_IF_ERROR(prediction.status());
  return *std::move(prediction);
}

}  // namespace predictd
