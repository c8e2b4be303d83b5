#include "server/predict/batch_piece.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace predictd::predict {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
// How soon a row looks again whether the queue has room.
constexpr absl::Duration kNextLook = absl::Milliseconds(1);
// Pieces whose memory is kept.
constexpr size_t kSpareMemory = 2;

}  // namespace

// Consecutive rows at hand; Run() is called when the model has been run on them.
struct BatchPiece::Block final : batching::Row {
  explicit Block(BatchPiece& of_piece) : piece(of_piece) {}
  void Run() override { piece.BlockAnswered(*this); }

  BatchPiece& piece;
};

BatchPiece::BatchPiece(Predictor& predictor, absl::Span<const absl::string_view> user_ids,
                       const Request& shared, const CallContext& call, size_t begin,
                       BatchAnswer& batch)
    : predictor_(predictor),
      line_(predictor.line_),
      user_ids_(user_ids),
      request_(shared),
      call_(call),
      begin_(begin),
      errors_before_(batch.errors.size()),
      batch_(batch),
      version_(*batch.version),
      width_(OutputsPerRow(version_.lane->options())),
      output_values_(predictor.BatchesOf(version_).outputs) {
  answer_.version = repository::VersionHandle(repository::VersionHandle(), &version_);
  answer_.origin = FeatureOrigin::kLocalCache;
  std::vector<std::unique_ptr<BatchMemory>>& spare = predictor.spare_memory_;
  if (spare.empty()) {
    memory_ = std::make_unique<BatchMemory>();
  } else {
    memory_ = std::move(spare.back());
    spare.pop_back();
  }
}

BatchPiece::~BatchPiece() {
  std::vector<std::unique_ptr<BatchMemory>>& spare = predictor_.spare_memory_;
  if (spare.size() < kSpareMemory) spare.push_back(std::move(memory_));
}

void BatchPiece::Begin() {
  start_ = line_.loop.Now();
  batch_.outputs.resize((begin_ + user_ids_.size()) * width_, kNone);
  if (line_.save_mode != SaveMode::kOff) {
    batch_.prediction_ids.resize(begin_ + user_ids_.size());
  }
  if (CacheAnswers()) {
    FindRows();
    AddBlocks();
  } else {
    for (size_t i = 0; i < user_ids_.size(); ++i)
      late_.push_back({.position = static_cast<int>(i), .status = {}, .answer = {}});
  }
  predictor_.row_metrics_.Flush();
  for (LateRow& row : late_) Begin(row);
}

bool BatchPiece::CacheAnswers() const {
  return line_.reader != nullptr && request_.max_feature_age > absl::ZeroDuration() &&
         line_.save_mode != SaveMode::kBeforeReply;
}

// What is wrong with a user id shows in a late row: no such user is in the cache.
void BatchPiece::FindRows() {
  features::LocalRows& local = memory_->local;
  line_.reader->ReadLocal(user_ids_, request_.max_feature_age, &local);
  const std::vector<int>& columns = predictor_.columns_.Columns(version_, *local.schema);
  const int64_t now = absl::ToUnixMillis(line_.loop.WallNow());
  RowMetrics& metrics = predictor_.row_metrics_;
  memory_->positions.clear();
  memory_->features.clear();
  int found = 0;
  for (size_t i = 0; i < user_ids_.size(); ++i) {
    const int position = static_cast<int>(i);
    const features::LocalCache::Look& look = local.looks[i];
    if (look.found == features::Found::kMiss) {
      late_.push_back({.position = position, .status = {}, .answer = {}});
      continue;
    }
    ++found;
    if (look.found == features::Found::kUnknown) {
      request_.user_id = user_ids_[i];
      Fail(position, predictor_.UseNoRow(request_, answer_));
      continue;
    }
    metrics.CountOrigin(FeatureOrigin::kLocalCache);
    if (look.read_at > 0) metrics.ObserveAge(std::max<int64_t>(now - look.read_at, 0) / 1000.0);
    absl::Status status = AddFeatures(look.values, columns);
    if (status.ok()) {
      memory_->positions.push_back(position);
    } else {
      Fail(position, std::move(status));
    }
  }
  metrics.ObserveStage(line_.loop.Now() - start_, found);
}

absl::Status BatchPiece::AddFeatures(const float* stored, const std::vector<int>& columns) {
  std::vector<float>& features = memory_->features;
  const size_t row = features.size();
  features.resize(row + columns.size());
  bool complete = true;
  for (size_t i = 0; i < columns.size(); ++i) {
    const float value = columns[i] >= 0 ? stored[columns[i]] : kNone;
    features[row + i] = value;
    complete &= !std::isnan(value);
  }
  if (complete) return absl::OkStatus();
  answer_.features.assign(features.begin() + row, features.end());
  answer_.missing.clear();
  absl::Status status = FillDefaults(answer_, kMissingInRow);
  features.resize(row);
  if (status.ok())
    features.insert(features.end(), answer_.features.begin(), answer_.features.end());
  return status;
}

void BatchPiece::AddBlocks() {
  const int rows = static_cast<int>(memory_->positions.size());
  if (rows == 0) return;
  batching::Lane& lane = *version_.lane;
  memory_->outputs.resize(rows * width_);
  tensors_.emplace(lane.options(), rows, memory_->features, absl::MakeSpan(memory_->outputs));
  const int most = lane.RowsPerRun();
  for (int first = 0; first < rows; first += most) {
    Block& block = blocks_.emplace_back(*this);
    tensors_->Point(block);
    block.index = first;
    block.rows = std::min(most, rows - first);
    block.deadline = call_.deadline;
    block.cancelled = &call_.cancelled;
    const absl::Status status = line_.batches.Add(lane, block);
    if (status.ok()) {
      scope_.Enter();
    } else {
      BlockRefused(block, status);
    }
  }
}

void BatchPiece::BlockRefused(const Block& block, const absl::Status& status) {
  // Others took the room meanwhile: single rows find some sooner.
  const bool waits = absl::IsResourceExhausted(status);
  for (int row = block.index; row < block.index + block.rows; ++row) {
    const int position = memory_->positions[row];
    if (waits) {
      SetAnswer(row);
      late_.push_back({position, status, answer_});
    } else {
      Fail(position, status);
    }
  }
  if (!waits) Count(0, block.rows, 0);
}

void BatchPiece::BlockAnswered(Block& block) {
  shadowed_ = line_.shadow != nullptr && line_.shadow->Follows(version_);
  int failed = 0;
  int failed_in_model = 0;
  auto failure = block.failed.begin();
  for (int i = 0; i < block.rows; ++i) {
    absl::Status status = block.status;
    if (failure != block.failed.end() && failure->first == i) {
      status = std::move((failure++)->second);
    }
    status = TakeRow(block.index + i, std::move(status), block.model_time);
    if (status.ok()) continue;
    ++failed;
    if (absl::IsInternal(status)) ++failed_in_model;
    Fail(memory_->positions[block.index + i], std::move(status));
  }
  Count(block.rows - failed, failed, failed_in_model);
  scope_.Leave();
}

absl::Status BatchPiece::TakeRow(int row, absl::Status status, absl::Duration model_time) {
  const int position = memory_->positions[row];
  const absl::Span<float> outputs = OutputsAt(position);
  if (status.ok()) status = tensors_->TakeOutputs(row, outputs);
  if (!status.ok()) return status;
  if (!outputs.empty()) output_values_.Observe(outputs[0]);
  const bool saves = line_.save_mode == SaveMode::kAfterReply;
  if (!saves && !shadowed_) return status;
  SetAnswer(row);
  answer_.outputs.assign(outputs.begin(), outputs.end());
  answer_.times.model = model_time;
  if (saves) {
    request_.user_id = user_ids_[position];
    predictor_.SaveLater(request_, answer_);
    batch_.prediction_ids[begin_ + position] = std::move(answer_.prediction_id);
  }
  if (shadowed_) line_.shadow->Offer(answer_, batch_.version);
  return status;
}

void BatchPiece::SetAnswer(int row) {
  const size_t size = version_.features->size();
  const auto begin = memory_->features.begin() + row * size;
  answer_.features.assign(begin, begin + size);
}

void BatchPiece::Begin(LateRow& row) {
  row.answer.version = answer_.version;
  scope_.Spawn(Run(row));
}

Task<void> BatchPiece::Run(LateRow& row) {
  Request request = request_;
  request.user_id = user_ids_[row.position];
  if (!absl::IsResourceExhausted(row.status)) {
    row.status = co_await predictor_.Run(request, call_, row.answer, Predictor::Features::kUnknown);
  }
  // The row waits for its turn, up to the caller's deadline.
  while (absl::IsResourceExhausted(row.status) && call_.Check(line_.loop.Now(), "").ok()) {
    co_await line_.loop.Sleep(kNextLook);
    row.status = co_await predictor_.Run(request, call_, row.answer, Predictor::Features::kKnown);
  }
}

void BatchPiece::Finish() {
  for (LateRow& row : late_) {
    if (!row.status.ok()) {
      Fail(row.position, std::move(row.status));
      continue;
    }
    std::copy(row.answer.outputs.begin(), row.answer.outputs.end(),
              OutputsAt(row.position).begin());
    if (line_.save_mode != SaveMode::kOff) {
      batch_.prediction_ids[begin_ + row.position] = std::move(row.answer.prediction_id);
    }
    if (line_.shadow != nullptr) line_.shadow->Offer(row.answer, batch_.version);
  }
  std::sort(batch_.errors.begin() + errors_before_, batch_.errors.end(),
            [](const auto& a, const auto& b) { return a.row < b.row; });
}

absl::Span<float> BatchPiece::OutputsAt(int position) {
  return absl::MakeSpan(batch_.outputs).subspan((begin_ + position) * width_, width_);
}

void BatchPiece::Fail(int position, absl::Status status) {
  const absl::Span<float> outputs = OutputsAt(position);
  std::fill(outputs.begin(), outputs.end(), kNone);
  batch_.errors.push_back({begin_ + position, std::move(status)});
}

void BatchPiece::Count(int answered, int failed, int failed_in_model) {
  version_.outcomes.CountMany(answered, failed_in_model);
  batching::LaneStatistics& statistics = version_.lane->statistics();
  const absl::Duration took = line_.loop.Now() - start_;
  if (answered > 0) statistics.RecordRequests(true, answered, took * answered);
  if (failed > 0) statistics.RecordRequests(false, failed, took * failed);
  output_values_.Flush();
}

}  // namespace predictd::predict
