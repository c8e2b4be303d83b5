// Loads a module from a file. libtorch's headers define Catch2's macros anew, so they stay behind
// this one.
#ifndef PREDICTD_TESTS_UNIT_MODEL_TORCH_LOADING_H_
#define PREDICTD_TESTS_UNIT_MODEL_TORCH_LOADING_H_

#include <string>

namespace predictd::model {

// Why LoadModel refuses it; empty where it does not. `source`: TorchScript text of forward(self,
// x), where x are rows of two values.
std::string WhyNotLoaded(const std::string& source);

}  // namespace predictd::model

#endif  // PREDICTD_TESTS_UNIT_MODEL_TORCH_LOADING_H_
