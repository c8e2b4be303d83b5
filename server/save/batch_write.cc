#include "server/save/batch_write.h"

#include <utility>

namespace predictd::save {
namespace {

// Appends to `result`; false where the store failed.
bool WriteHalving(PredictionStore& store, Metrics& metrics,
                  absl::Span<const Prediction* const> batch, BatchResult& result) {
  auto ids = store.Write(batch);
  if (ids.ok()) {
    for (std::string& id : *ids) result.settled.emplace_back(std::move(id));
    return true;
  }
  metrics.CountStoreError(Store::kSave, StoreError::kWrite);
  if (!absl::IsInvalidArgument(ids.status())) {
    result.failure = ids.status();
    return false;
  }
  if (batch.size() == 1) {
    result.settled.emplace_back(ids.status());
    return true;
  }
  const size_t half = batch.size() / 2;
  return WriteHalving(store, metrics, batch.first(half), result) &&
         WriteHalving(store, metrics, batch.subspan(half), result);
}

}  // namespace

BatchResult WriteBatch(PredictionStore& store, Metrics& metrics,
                       absl::Span<const Prediction* const> batch) {
  BatchResult result;
  result.settled.reserve(batch.size());
  WriteHalving(store, metrics, batch, result);
  return result;
}

}  // namespace predictd::save
