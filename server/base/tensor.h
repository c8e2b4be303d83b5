// Tensors as plain bytes: row-major, little-endian, the first dimension being the batch.
#ifndef PREDICTD_SERVER_BASE_TENSOR_H_
#define PREDICTD_SERVER_BASE_TENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/datatype.h"

namespace predictd {

// One input or output of a model.
struct TensorLayout {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<int64_t> shape;  // -1 = any; the first is the batch and is -1
  // -1 where a dimension besides the batch is free.
  int64_t elements_per_row = 0;

  bool fixed() const { return elements_per_row >= 0; }
  // Of a fixed one.
  size_t bytes_per_row() const { return elements_per_row * DatatypeSize(datatype); }
};

// Rows of different requests can share a run: every row has the same size in each of `tensors`.
bool AllFixed(absl::Span<const TensorLayout> tensors);

// Product of all dimensions but the first, -1 where one of them is.
int64_t ElementsPerRow(absl::Span<const int64_t> shape);

// A tensor of known shape; whoever made it says how long `bytes` stay.
struct TensorView {
  Datatype datatype = Datatype::kFp32;
  std::vector<int64_t> shape;
  absl::string_view bytes;
};

struct TensorValue {
  std::vector<int64_t> shape;
  std::string bytes;
};

// Values one by one to `datatype`: BOOL is "not zero", integers are cut towards zero and to their
// range, FP16 and BF16 rounded to nearest. `to` has room for them.
void FromFloats(absl::Span<const float> values, Datatype datatype, char* to);
// The nearest floats.
void ToFloats(const char* from, Datatype datatype, absl::Span<float> values);

// No NaN, no infinity; true for types that have none.
bool AllFinite(const char* values, Datatype datatype, size_t count);

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_TENSOR_H_
