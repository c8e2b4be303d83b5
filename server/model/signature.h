// Reads and checks what a model says of itself.
#ifndef PREDICTD_SERVER_MODEL_SIGNATURE_H_
#define PREDICTD_SERVER_MODEL_SIGNATURE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "predictd/v1/signature.pb.h"

namespace predictd::model {

// Parses and checks the JSON form of predictd.v1.Signature: names there and distinct, datatypes
// known, shapes with a free batch dimension, defaults finite, golden cases as wide as the features.
// INVALID_ARGUMENT names the field.
absl::StatusOr<v1::Signature> ParseSignature(absl::string_view json);

// The signature of the version in `directory`: signature.json there or, without that file, what the
// model file carries inside. FAILED_PRECONDITION where there is none or it is wrong.
absl::StatusOr<v1::Signature> ReadSignature(const std::string& directory, absl::string_view inside);

// Largest accepted difference between an output and what `golden` says; never 0.
float GoldenTolerance(const v1::GoldenCase& golden);

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_SIGNATURE_H_
