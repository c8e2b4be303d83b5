// MurmurHash3_x86_32 with seed 0, by Austin Appleby, who put it into the public domain:
// https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
#ifndef PREDICTD_SERVER_FEATURES_MURMUR3_H_
#define PREDICTD_SERVER_FEATURES_MURMUR3_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace predictd::features {

// The same on every machine, whatever its order of bytes.
uint32_t Murmur3(absl::string_view bytes);

}  // namespace predictd::features

#endif  // PREDICTD_SERVER_FEATURES_MURMUR3_H_
