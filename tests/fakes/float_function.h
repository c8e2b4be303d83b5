// A batch function of a test, for a lane with one FP32 input and one FP32 output.
#ifndef PREDICTD_TESTS_FAKES_FLOAT_FUNCTION_H_
#define PREDICTD_TESTS_FAKES_FLOAT_FUNCTION_H_

#include <functional>
#include <utility>

#include "server/batching/lane.h"

namespace predictd::batching {

using FloatFunction = std::function<absl::Status(int rows, const float* in, float* out)>;

inline Lane::Function OnFloats(FloatFunction function) {
  return
      [function = std::move(function)](int rows, const char* const* inputs, char* const* outputs) {
        return function(rows, reinterpret_cast<const float*>(inputs[0]),
                        reinterpret_cast<float*>(outputs[0]));
      };
}

}  // namespace predictd::batching

#endif  // PREDICTD_TESTS_FAKES_FLOAT_FUNCTION_H_
