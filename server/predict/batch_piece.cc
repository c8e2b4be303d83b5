#include "server/predict/batch_piece.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace predictd::predict {
namespace {

// Pieces whose memory is kept, and how large one may be: rows may have thousands of outputs.
constexpr size_t kSpareMemory = 2;
constexpr size_t kMostSpareBytes = size_t{1} << 20;

}  // namespace

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
      output_values_(predictor.BatchesOf(version_).outputs),
      late_(predictor, shared, call,
            repository::VersionHandle(repository::VersionHandle(), &version_)) {
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
  if (spare.size() < kSpareMemory && memory_->bytes() <= kMostSpareBytes) {
    spare.push_back(std::move(memory_));
  }
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
    for (size_t i = 0; i < user_ids_.size(); ++i) late_.Add(static_cast<int>(i));
  }
  predictor_.row_metrics_.Flush();
  late_.Begin(user_ids_, scope_);
}

bool BatchPiece::CacheAnswers() const {
  return line_.reader != nullptr && request_.features.empty() &&
         request_.max_feature_age > absl::ZeroDuration() &&
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
      late_.Add(position);
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
  if (!status.ok()) return status;
  features.insert(features.end(), answer_.features.begin(), answer_.features.end());
  return status;
}

void BatchPiece::AddBlocks() {
  const int rows = static_cast<int>(memory_->positions.size());
  if (rows == 0) return;
  batching::Lane& lane = *version_.lane;
  memory_->outputs.resize(rows * width_);
  tensors_.emplace(lane.options(), rows, memory_->features, absl::MakeSpan(memory_->outputs));
  const int most = lane.RowsPerBlock();
  for (int first = 0; first < rows; first += most) {
    Block& block = blocks_.emplace_back(*this);
    tensors_->Point(block);
    block.index = first;
    block.rows = std::min(most, rows - first);
    block.deadline = call_.deadline;
    block.cancelled = &call_.cancelled;
    block.waits_for_room = true;
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
      late_.AddRefused(position, status, FeaturesOf(row), FeatureOrigin::kLocalCache);
    } else {
      Fail(position, status);
    }
  }
  if (!waits) Count(0, block.rows, 0);
}

}  // namespace predictd::predict
