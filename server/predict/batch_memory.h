// What one piece of a batch works in.
#ifndef PREDICTD_SERVER_PREDICT_BATCH_MEMORY_H_
#define PREDICTD_SERVER_PREDICT_BATCH_MEMORY_H_

#include <cstddef>
#include <vector>

#include "server/features/reader.h"

namespace predictd::predict {

// Kept from piece to piece: the next one finds it in the processor's caches. Rows at hand are those
// that the in-process cache had.
struct BatchMemory {
  features::LocalRows local;
  std::vector<int> positions;   // in the piece, of each row at hand
  std::vector<float> features;  // of those rows, one behind the other
  std::vector<float> outputs;

  size_t bytes() const {
    return (local.values.capacity() + features.capacity() + outputs.capacity()) * sizeof(float) +
           local.looks.capacity() * sizeof(local.looks[0]) + positions.capacity() * sizeof(int);
  }
};

}  // namespace predictd::predict

#endif  // PREDICTD_SERVER_PREDICT_BATCH_MEMORY_H_
