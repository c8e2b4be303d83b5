#include "server/sql/sqlite_store.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/sql/sqlite_predictions_table.h"

namespace predictd {
namespace {

// As the parameters after the first `before`. The texts live in `prediction` and `format`.
absl::Status Bind(const Prediction& prediction, PredictionFormat& format, size_t before,
                  SqliteStatement& insert) {
  const absl::StatusOr<PredictionTexts> texts = format.Format(prediction);
  PREDICTD_RETURN_IF_ERROR(texts.status());
  int parameter = static_cast<int>(before);
  for (const absl::string_view text : *texts) insert.BindText(++parameter, text);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Create(Options options,
                                                                 const Clock& clock) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options), clock));
  absl::Status status = store->OpenForWriting();
  if (status.ok()) status = store->OpenForFinding();
  if (status.ok()) return store;
  return absl::Status(status.code(), absl::StrCat("--save_to: ", status.message(),
                                                  "; give it a file that predictd may write, "
                                                  "without a table 'predictions' of others"));
}

absl::Status SqliteStore::OpenForWriting() {
  auto opened = SqliteConnection::Open(options_.path, SqliteConnection::Mode::kReadWrite, clock_);
  PREDICTD_RETURN_IF_ERROR(opened.status());
  SqliteConnection& connection = **opened;
  connection.SetDeadline(Deadline());
  PREDICTD_RETURN_IF_ERROR(PreparePredictionsFile(connection));
  auto begin = connection.Prepare("BEGIN IMMEDIATE");
  PREDICTD_RETURN_IF_ERROR(begin.status());
  auto insert = connection.Prepare(InsertPredictions(1));
  PREDICTD_RETURN_IF_ERROR(insert.status());
  auto insert_many = connection.Prepare(InsertPredictions(kRowsAtOnce));
  PREDICTD_RETURN_IF_ERROR(insert_many.status());
  auto standing = connection.Prepare(kSelectStandingOne);
  PREDICTD_RETURN_IF_ERROR(standing.status());
  auto commit = connection.Prepare("COMMIT");
  PREDICTD_RETURN_IF_ERROR(commit.status());
  writing_.emplace(Writing{*std::move(opened), *std::move(begin), *std::move(insert),
                           *std::move(insert_many), *std::move(standing), *std::move(commit)});
  return absl::OkStatus();
}

absl::Status SqliteStore::OpenForFinding() {
  auto opened = SqliteConnection::Open(options_.path, SqliteConnection::Mode::kReadOnly, clock_);
  PREDICTD_RETURN_IF_ERROR(opened.status());
  (*opened)->SetDeadline(Deadline());
  auto select = (*opened)->Prepare(kSelectPrediction);
  PREDICTD_RETURN_IF_ERROR(select.status());
  finding_.emplace(Finding{*std::move(opened), *std::move(select)});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SqliteStore::Write(
    absl::Span<const Prediction* const> predictions) {
  // To a file that was moved away SQLite would go on writing what nobody will read.
  if (writing_ && writing_->connection->Moved()) writing_.reset();
  if (!writing_) PREDICTD_RETURN_IF_ERROR(OpenForWriting());
  writing_->connection->SetDeadline(Deadline());
  auto ids = WriteAll(predictions);
  if (ids.ok()) return ids;
  writing_->connection->Rollback();
  // The next write starts from the file as it is then; a lock or a refused row says nothing about
  // the connection.
  if (absl::IsUnavailable(ids.status()) || absl::IsInternal(ids.status())) writing_.reset();
  return ids;
}

absl::StatusOr<std::vector<std::string>> SqliteStore::WriteAll(
    absl::Span<const Prediction* const> predictions) {
  const absl::Cleanup reset = [this] {
    writing_->begin.Reset();
    writing_->commit.Reset();
  };
  PREDICTD_RETURN_IF_ERROR(writing_->begin.Step().status());
  std::vector<std::string> ids;
  ids.reserve(predictions.size());
  const auto has_key = [](const Prediction* prediction) {
    return !prediction->idempotency_key.empty();
  };
  for (size_t done = 0; done < predictions.size();) {
    const auto next = predictions.subspan(done, kRowsAtOnce);
    if (next.size() == kRowsAtOnce && std::none_of(next.begin(), next.end(), has_key)) {
      PREDICTD_RETURN_IF_ERROR(InsertMany(next));
      for (const Prediction* prediction : next) ids.push_back(prediction->prediction_id);
      done += kRowsAtOnce;
    } else {
      auto id = Insert(*next.front());
      PREDICTD_RETURN_IF_ERROR(id.status());
      ids.push_back(*std::move(id));
      ++done;
    }
  }
  PREDICTD_RETURN_IF_ERROR(writing_->commit.Step().status());
  return ids;
}

absl::Status SqliteStore::InsertMany(absl::Span<const Prediction* const> predictions) {
  SqliteStatement& insert = writing_->insert_many;
  const absl::Cleanup reset = [&insert] { insert.Reset(); };
  for (size_t i = 0; i < predictions.size(); ++i) {
    PREDICTD_RETURN_IF_ERROR(
        Bind(*predictions[i], formats_[i], i * kPredictionColumnCount, insert));
  }
  PREDICTD_RETURN_IF_ERROR(insert.Step().status());
  if (writing_->connection->changes() == kRowsAtOnce) return absl::OkStatus();
  for (const Prediction* prediction : predictions) {
    PREDICTD_RETURN_IF_ERROR(Standing(*prediction).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SqliteStore::Insert(const Prediction& prediction) {
  SqliteStatement& insert = writing_->insert;
  const absl::Cleanup reset = [&insert] { insert.Reset(); };
  PREDICTD_RETURN_IF_ERROR(Bind(prediction, formats_.front(), 0, insert));
  PREDICTD_RETURN_IF_ERROR(insert.Step().status());
  if (writing_->connection->changes() > 0) return prediction.prediction_id;
  return Standing(prediction);
}

absl::StatusOr<std::string> SqliteStore::Standing(const Prediction& prediction) {
  SqliteStatement& standing = writing_->standing;
  const absl::Cleanup reset = [&standing] { standing.Reset(); };
  standing.BindText(1, prediction.idempotency_key);
  standing.BindText(2, prediction.prediction_id);
  const auto found = standing.Step();
  PREDICTD_RETURN_IF_ERROR(found.status());
  if (*found) return std::string(standing.Text(0));
  return absl::InvalidArgumentError(
      absl::StrCat("prediction ", prediction.prediction_id,
                   " is refused by another unique index or a trigger of 'predictions'"));
}

absl::StatusOr<std::optional<Prediction>> SqliteStore::Find(absl::string_view prediction_id) {
  if (finding_ && finding_->connection->Moved()) finding_.reset();
  if (!finding_) PREDICTD_RETURN_IF_ERROR(OpenForFinding());
  finding_->connection->SetDeadline(Deadline());
  auto prediction = TryFind(prediction_id);
  const absl::Status& status = prediction.status();
  if (absl::IsUnavailable(status) || absl::IsInternal(status)) finding_.reset();
  return prediction;
}

absl::StatusOr<std::optional<Prediction>> SqliteStore::TryFind(absl::string_view prediction_id) {
  SqliteStatement& select = finding_->select;
  const absl::Cleanup reset = [&select] { select.Reset(); };
  select.BindText(1, prediction_id);
  const auto found = select.Step();
  PREDICTD_RETURN_IF_ERROR(found.status());
  if (!*found) return std::nullopt;
  auto prediction = PredictionOf(select);
  PREDICTD_RETURN_IF_ERROR(prediction.status());
  return *std::move(prediction);
}

}  // namespace predictd
