// The few batch sizes that a model is ever run at: powers of two up to its largest batch.
//
// A size seen for the first time costs far more than a warm one (oneDNN builds kernels per shape),
// so batches are padded to a few sizes, each of which is warmed before the model serves.
#ifndef PREDICTD_SERVER_BATCHING_PADDED_SIZE_H_
#define PREDICTD_SERVER_BATCHING_PADDED_SIZE_H_

#include <bit>
#include <vector>

namespace predictd::batching {

// Smallest size at which `rows` rows are run; 1 <= rows <= max_batch.
inline int PaddedSize(int rows, int max_batch) {
  const int power = static_cast<int>(std::bit_ceil(static_cast<unsigned>(rows)));
  return power < max_batch ? power : max_batch;
}

// Position of PaddedSize(rows, ...) in PaddedSizes.
inline int PaddedSizeIndex(int rows) { return std::bit_width(static_cast<unsigned>(rows) - 1); }

// 1, 2, 4, ..., max_batch.
inline std::vector<int> PaddedSizes(int max_batch) {
  std::vector<int> sizes;
  for (int size = 1; size < max_batch; size *= 2) sizes.push_back(size);
  sizes.push_back(max_batch);
  return sizes;
}

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_PADDED_SIZE_H_
