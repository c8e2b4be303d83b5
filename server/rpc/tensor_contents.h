// Typed elements of inference.InferTensorContents to raw bytes and back.
#ifndef PREDICTD_SERVER_RPC_TENSOR_CONTENTS_H_
#define PREDICTD_SERVER_RPC_TENSOR_CONTENTS_H_

#include <forward_list>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inference/grpc_service.pb.h"
#include "server/base/datatype.h"

namespace predictd::rpc {

// FP16 and BF16 have no field of their own.
bool HasTypedForm(Datatype datatype);

// The elements as they lie in memory, little-endian. They are looked at where the field's elements
// are as wide as the datatype's, else written into one more of `narrowed`; both outlive the result.
// INVALID_ARGUMENT, which names the tensor, where the elements are in another field or outside of
// the datatype.
absl::StatusOr<absl::string_view> ContentsBytes(absl::string_view tensor, Datatype datatype,
                                                const inference::InferTensorContents& contents,
                                                std::forward_list<std::string>& narrowed);

// `bytes`: whole elements of a datatype that has a typed form. `contents` is empty.
void FillContents(Datatype datatype, absl::string_view bytes,
                  inference::InferTensorContents& contents);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_TENSOR_CONTENTS_H_
