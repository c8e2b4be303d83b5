#include "server/rpc/inference_metadata.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/datatype.h"
#include "server/base/utf8.h"
#include "server/batching/padded_size.h"

namespace predictd::rpc {
namespace {

using batching::LaneStatistics;

// By the names that common clients know.
constexpr char kPlatform[] = "pytorch_libtorch";
constexpr char kBackend[] = "pytorch";

inference::DataType ToDataType(absl::string_view name) {
  const std::optional<Datatype> datatype = ParseDatatype(name);
  if (!datatype) return inference::TYPE_INVALID;
  switch (*datatype) {
    case Datatype::kBool:
      return inference::TYPE_BOOL;
    case Datatype::kInt8:
      return inference::TYPE_INT8;
    case Datatype::kUint8:
      return inference::TYPE_UINT8;
    case Datatype::kInt16:
      return inference::TYPE_INT16;
    case Datatype::kInt32:
      return inference::TYPE_INT32;
    case Datatype::kInt64:
      return inference::TYPE_INT64;
    case Datatype::kFp16:
      return inference::TYPE_FP16;
    case Datatype::kBf16:
      return inference::TYPE_BF16;
    case Datatype::kFp32:
      return inference::TYPE_FP32;
    case Datatype::kFp64:
      return inference::TYPE_FP64;
  }
  return inference::TYPE_INVALID;
}

void FillTensor(const v1::Tensor& tensor,
                inference::ModelMetadataResponse::TensorMetadata& message) {
  message.set_name(tensor.name());
  message.set_datatype(tensor.datatype());
  *message.mutable_shape() = tensor.shape();
}

// An input's or an output's.
template <typename Message>
void FillTensorConfig(const v1::Tensor& tensor, Message& message) {
  message.set_name(tensor.name());
  message.set_data_type(ToDataType(tensor.datatype()));
  for (int i = 1; i < tensor.shape_size(); ++i) message.add_dims(tensor.shape(i));
}

void FillPolicy(const repository::VersionPolicy& policy, inference::ModelVersionPolicy& message) {
  if (policy.latest > 0) {
    message.mutable_latest()->set_num_versions(static_cast<uint32_t>(policy.latest));
  } else if (policy.list.empty()) {
    message.mutable_all();
  } else {
    message.mutable_specific()->mutable_versions()->Assign(policy.list.begin(), policy.list.end());
  }
}

void FillDuration(const LaneStatistics::Sum& sum, inference::StatisticDuration& message) {
  message.set_count(sum.count);
  message.set_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(sum.time)));
}

absl::string_view IndexState(repository::State state) {
  switch (state) {
    case repository::State::kReady:
      return "READY";
    case repository::State::kLoading:
    case repository::State::kWarming:
      return "LOADING";
    case repository::State::kUnloading:
      return "UNLOADING";
    case repository::State::kFailed:
    case repository::State::kUnloaded:
      break;
  }
  return "UNAVAILABLE";
}

}  // namespace

void FillMetadata(const repository::ModelInfo& model, const repository::Version& version,
                  inference::ModelMetadataResponse& message) {
  message.set_name(version.model);
  for (auto it = model.versions.rbegin(); it != model.versions.rend(); ++it) {
    if (it->state == repository::State::kReady) message.add_versions(it->version);
  }
  message.set_platform(kPlatform);
  const v1::Signature& signature = version.runnable->signature();
  for (const v1::Tensor& input : signature.inputs()) FillTensor(input, *message.add_inputs());
  for (const v1::Tensor& output : signature.outputs()) FillTensor(output, *message.add_outputs());
}

void FillConfig(const repository::VersionPolicy& policy, const repository::Version& version,
                int workers, inference::ModelConfig& message) {
  const batching::LaneOptions& options = version.lane->options();
  message.set_name(version.model);
  message.set_platform(kPlatform);
  message.set_backend(kBackend);
  FillPolicy(policy, *message.mutable_version_policy());
  message.set_max_batch_size(options.max_batch);
  const v1::Signature& signature = version.runnable->signature();
  for (const v1::Tensor& input : signature.inputs()) {
    FillTensorConfig(input, *message.add_input());
  }
  for (const v1::Tensor& output : signature.outputs()) {
    FillTensorConfig(output, *message.add_output());
  }
  inference::ModelInstanceGroup& group = *message.add_instance_group();
  group.set_name(absl::StrCat(version.model, "_0"));
  group.set_kind(inference::ModelInstanceGroup::KIND_CPU);
  group.set_count(std::min(workers, options.max_workers));
  inference::ModelDynamicBatching& batching = *message.mutable_dynamic_batching();
  for (const int size : batching::PaddedSizes(options.max_batch)) {
    batching.add_preferred_batch_size(size);
  }
  batching.set_max_queue_delay_microseconds(
      static_cast<uint64_t>(absl::ToInt64Microseconds(options.batch_delay)));
  inference::ModelQueuePolicy& queue = *batching.mutable_default_queue_policy();
  queue.set_allow_timeout_override(true);
  queue.set_max_queue_size(static_cast<uint32_t>(version.lane->queue_limit().limit()));
}

void FillStatistics(const repository::Version& version, inference::ModelStatistics& message) {
  message.set_name(version.model);
  message.set_version(version.version);
  FillStatistics(version.lane->statistics().Read(), message);
}

void FillStatistics(const LaneStatistics::Numbers& numbers, inference::ModelStatistics& message) {
  if (numbers.last_run != absl::InfinitePast()) {
    message.set_last_inference(static_cast<uint64_t>(absl::ToUnixMillis(numbers.last_run)));
  }
  message.set_inference_count(numbers.rows);
  inference::InferStatistics& infer = *message.mutable_inference_stats();
  LaneStatistics::Sum runs;
  for (size_t rows = 0; rows < numbers.runs.size(); ++rows) {
    const LaneStatistics::Sum& of_size = numbers.runs[rows];
    if (of_size.count == 0) continue;
    runs.count += of_size.count;
    runs.time += of_size.time;
    inference::InferBatchStatistics& batch = *message.add_batch_stats();
    batch.set_batch_size(rows);
    FillDuration(of_size, *batch.mutable_compute_infer());
    // Part of the run's time. perf_analyzer wants the three counts to be the same.
    batch.mutable_compute_input()->set_count(of_size.count);
    batch.mutable_compute_output()->set_count(of_size.count);
  }
  message.set_execution_count(runs.count);
  FillDuration(numbers.requests_ok, *infer.mutable_success());
  FillDuration(numbers.requests_failed, *infer.mutable_fail());
  FillDuration(numbers.queue, *infer.mutable_queue());
  FillDuration(runs, *infer.mutable_compute_infer());
  infer.mutable_compute_input()->set_count(runs.count);
  infer.mutable_compute_output()->set_count(runs.count);
  infer.mutable_cache_hit();
  infer.mutable_cache_miss();
}

void FillIndex(const repository::Snapshot& snapshot, bool only_ready,
               inference::RepositoryIndexResponse& message) {
  const auto add = [&](const std::string& name, const std::string& version, repository::State state,
                       const std::string& reason) {
    if (only_ready && state != repository::State::kReady) return;
    auto& entry = *message.add_models();
    entry.set_name(name);
    entry.set_version(version);
    entry.set_state(std::string(IndexState(state)));
    // libtorch quotes the bytes that it stumbled upon.
    entry.set_reason(ValidUtf8(reason));
  };
  for (const auto& [name, model] : snapshot.models) {
    for (const repository::VersionInfo& version : model.versions) {
      add(name, version.version, version.state, version.reason);
    }
  }
  for (const auto& [name, why] : snapshot.unreadable)
    add(name, "", repository::State::kFailed, why);
}

}  // namespace predictd::rpc
