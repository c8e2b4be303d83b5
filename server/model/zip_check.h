// Is a model file complete? A TorchScript file is a zip archive, and libtorch may crash on half of
// one.
#ifndef PREDICTD_SERVER_MODEL_ZIP_CHECK_H_
#define PREDICTD_SERVER_MODEL_ZIP_CHECK_H_

#include <string>

#include "absl/status/status.h"

namespace predictd::model {

// OK where the file ends with an end-of-central-directory record (APPNOTE 6.3.10, sections 4.3.14
// to 4.3.16) whose directory lies inside the file and begins with a directory entry, and begins
// with a local file header. FAILED_PRECONDITION otherwise: the file is cut off, or no archive.
absl::Status CheckZipComplete(const std::string& path);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_ZIP_CHECK_H_
