// One name per output value of a row.
#ifndef PREDICTD_CLIENT_OUTPUT_NAMES_H_
#define PREDICTD_CLIENT_OUTPUT_NAMES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "predictd/v1/signature.pb.h"

namespace predictd::client {

// `count` names from the output tensors in signature order. A tensor with one element per row gives
// its own name, one with several gives name[0], name[1], ... in row-major order. One tensor may
// leave its size open (-1): it takes what the others leave. Where signature and count do not fit
// together, or `signature` is null, the names are output[0], output[1], ...
std::vector<std::string> OutputNames(const v1::Signature* signature, size_t count);

// Values per row as the signature declares them, 0 where it leaves a size open.
size_t DeclaredOutputs(const v1::Signature& signature);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_OUTPUT_NAMES_H_
