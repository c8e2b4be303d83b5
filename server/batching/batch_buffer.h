// Memory of one batch's tensors, used again by the next batch.
#ifndef PREDICTD_SERVER_BATCHING_BATCH_BUFFER_H_
#define PREDICTD_SERVER_BATCHING_BATCH_BUFFER_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "server/base/tensor.h"

namespace predictd::batching {

// One thread. Each tensor begins on a cache line of its own, as kernels like it.
class BatchBuffer {
 public:
  // Room for `rows` rows of each tensor, all fixed; what was there is lost.
  void Shape(absl::Span<const TensorLayout> tensors, int rows) {
    pointers_.clear();
    size_t lines = 0;
    for (const TensorLayout& tensor : tensors) lines += Lines(rows * tensor.bytes_per_row());
    if (lines_.size() < lines) lines_.resize(lines);
    Line* next = lines_.data();
    for (const TensorLayout& tensor : tensors) {
      pointers_.push_back(next->bytes);
      next += Lines(rows * tensor.bytes_per_row());
    }
  }

  // Where each tensor begins.
  const std::vector<char*>& tensors() const { return pointers_; }

 private:
  struct alignas(64) Line {
    char bytes[64];
  };
  static size_t Lines(size_t bytes) { return (bytes + sizeof(Line) - 1) / sizeof(Line); }

  std::vector<Line> lines_;
  std::vector<char*> pointers_;
};

}  // namespace predictd::batching

#endif  // PREDICTD_SERVER_BATCHING_BATCH_BUFFER_H_
