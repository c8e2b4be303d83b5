// Runs a module and the form of it that was found to be the fastest. libtorch's headers define
// Catch2's macros anew, so they stay behind this one.
#ifndef PREDICTD_TESTS_UNIT_MODEL_TORCH_VARIANTS_H_
#define PREDICTD_TESTS_UNIT_MODEL_TORCH_VARIANTS_H_

#include <string>
#include <vector>

namespace predictd::model {

struct FoundVariants {
  std::vector<float> wanted;  // of the module
  std::vector<float> fastest;
  bool dense = false;            // it is a dense network too
  std::vector<float> optimised;  // of optimize_for_inference, right or wrong
};

// `source`: TorchScript text of forward(self, x), where x are rows of the shape `row` and self has
// random a [8, 3, 3, 3], b [8, 8, 3, 3], w [1, 8] and v [1]. Both are run on eight random rows.
FoundVariants RunVariants(const std::string& source, const std::vector<int64_t>& row);

}  // namespace predictd::model

#endif  // PREDICTD_TESTS_UNIT_MODEL_TORCH_VARIANTS_H_
