// Runs a network before and after its linear layers were transposed. libtorch's headers define
// Catch2's macros anew, so they stay behind this one.
#ifndef PREDICTD_TESTS_UNIT_MODEL_TORCH_TRANSPOSED_H_
#define PREDICTD_TESTS_UNIT_MODEL_TORCH_TRANSPOSED_H_

#include <string>
#include <vector>

namespace predictd::model {

struct Transposed {
  int layers = 0;  // that were rewritten
  std::vector<float> before;
  std::vector<float> after;
};

// `source`: TorchScript text of forward(self, x), where x are four rows of `width` values and self
// has weights w [5, width] and bias b [5]. Both graphs are run on the same x. Throws where the
// rewritten graph does.
Transposed Transpose(const std::string& source, int width = 3);

}  // namespace predictd::model

#endif  // PREDICTD_TESTS_UNIT_MODEL_TORCH_TRANSPOSED_H_
