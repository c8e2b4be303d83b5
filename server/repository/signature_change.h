// May one version take another's place without its callers noticing?
#ifndef PREDICTD_SERVER_REPOSITORY_SIGNATURE_CHANGE_H_
#define PREDICTD_SERVER_REPOSITORY_SIGNATURE_CHANGE_H_

#include "absl/status/status.h"
#include "predictd/v1/signature.pb.h"

namespace predictd::repository {

// OK where callers of `now` can be answered by `next`:
//   outputs   the same names, datatypes and shapes in the same order
//   features  free (rows are completed by name), but not none where there were some
//   inputs    of a model without features, whose callers send the tensors themselves: the same
//             names with the same datatypes and shapes; a size that was fixed may become any (-1)
// FAILED_PRECONDITION names the first thing that changed, with what it was.
absl::Status CheckReplaces(const v1::Signature& now, const v1::Signature& next);

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_SIGNATURE_CHANGE_H_
