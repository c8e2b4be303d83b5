// A model that libtorch loaded and dense kernels run.
#ifndef PREDICTD_SERVER_MODEL_DENSE_MODEL_H_
#define PREDICTD_SERVER_MODEL_DENSE_MODEL_H_

#include <memory>
#include <string>

#include "server/model/dense_network.h"
#include "server/model/model.h"

namespace predictd::model {

// `model` with `network`, read from the same file, in place of its runs; or `model` as it was,
// where it has other than one FP32 input and one FP32 output of the network's columns, where for
// random rows the two differ by more than 1e-5, absolute below 1 and relative above, where
// `network` misses a golden case, or where it takes longer.
// `directory` is the version's, for the log.
std::unique_ptr<Model> PreferDense(std::unique_ptr<Model> model, DenseNetwork network,
                                   const std::string& directory);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_DENSE_MODEL_H_
