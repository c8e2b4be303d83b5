// Is a model file whole? A TorchScript file is a zip archive; libtorch may crash on half of one,
// and serves weights that are half of another file's.
#ifndef PREDICTD_SERVER_MODEL_ZIP_CHECK_H_
#define PREDICTD_SERVER_MODEL_ZIP_CHECK_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "server/base/thread.h"

namespace predictd::model {

// OK where the file begins with a local file header, ends with an end-of-central-directory record
// (APPNOTE 6.3.10, sections 4.3.14 to 4.3.16) whose directory and entries lie inside the file, and
// holds what the checksums of its unpacked entries, the tensors, say. FAILED_PRECONDITION
// otherwise: it is cut off, no archive, or damaged.
//
// Reads the whole file, in small pieces at `pace`, until `stopping` is set.
absl::Status CheckZip(const std::string& path, Pace pace, const std::atomic<bool>& stopping);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_ZIP_CHECK_H_
