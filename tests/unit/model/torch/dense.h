// Reads a network as a dense one and runs both. libtorch's headers define Catch2's macros anew, so
// they stay behind this one.
#ifndef PREDICTD_TESTS_UNIT_MODEL_TORCH_DENSE_H_
#define PREDICTD_TESTS_UNIT_MODEL_TORCH_DENSE_H_

#include <string>
#include <vector>

namespace predictd::model {

struct Dense {
  std::string refused;  // why it is none; then `dense` is empty
  std::vector<float> libtorch;
  std::vector<float> dense;
};

// `source`: TorchScript text of forward(self, x), where x are four rows of three values and self
// has w [width, 3], v [width], m [3] and s [3], all random, s positive.
Dense ReadDense(const std::string& source, int width = 5);

}  // namespace predictd::model

#endif  // PREDICTD_TESTS_UNIT_MODEL_TORCH_DENSE_H_
