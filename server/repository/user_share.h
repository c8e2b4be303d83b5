// Where a user stands in the line of all users of a canary: the first so many per cent get it.
#ifndef PREDICTD_SERVER_REPOSITORY_USER_SHARE_H_
#define PREDICTD_SERVER_REPOSITORY_USER_SHARE_H_

#include "absl/strings/string_view.h"
#include "server/base/fnv1a.h"

namespace predictd::repository {

// In [0, 1), evenly spread; the same in every process and after every restart, so that users stay
// with their version, and more of them join when the percentage grows. Other users come first for
// another version, so that it is not always the same ones who try what is new.
//
// FNV-1a 64 over "MODEL/VERSION/KEY", mixed by MurmurHash3's fmix64 (FNV leaves the upper bits of
// short texts alike), the upper 53 bits as a fraction.
inline double UserShare(absl::string_view model, absl::string_view version, absl::string_view key) {
  uint64_t hash = Fnv1a64(model);
  hash = Fnv1a64("/", hash);
  hash = Fnv1a64(version, hash);
  hash = Fnv1a64("/", hash);
  hash = Fnv1a64(key, hash);
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_USER_SHARE_H_
