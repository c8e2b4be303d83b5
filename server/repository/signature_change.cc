#include "server/repository/signature_change.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace predictd::repository {
namespace {

std::string Shape(const v1::Tensor& tensor) {
  return absl::StrCat("[", absl::StrJoin(tensor.shape(), ", "), "]");
}

bool SameShape(const v1::Tensor& now, const v1::Tensor& next) {
  return std::equal(now.shape().begin(), now.shape().end(), next.shape().begin(),
                    next.shape().end());
}

bool TakesShape(const v1::Tensor& now, const v1::Tensor& next) {
  return std::equal(now.shape().begin(), now.shape().end(), next.shape().begin(),
                    next.shape().end(),
                    [](int64_t was, int64_t is) { return is == was || is == -1; });
}

absl::Status Changed(absl::string_view what, absl::string_view is, absl::string_view was) {
  return absl::FailedPreconditionError(absl::StrCat(what, " is ", is, ", was ", was));
}

absl::Status CheckOutputs(const v1::Signature& now, const v1::Signature& next) {
  if (next.outputs_size() != now.outputs_size()) {
    return Changed("the number of outputs", absl::StrCat(next.outputs_size()),
                   absl::StrCat(now.outputs_size()));
  }
  for (int i = 0; i < now.outputs_size(); ++i) {
    const v1::Tensor& was = now.outputs(i);
    const v1::Tensor& is = next.outputs(i);
    const std::string which = absl::StrCat("outputs[", i, "]");
    if (is.name() != was.name()) return Changed(which + ".name", is.name(), was.name());
    if (is.datatype() != was.datatype()) {
      return Changed(absl::StrCat(which, " '", was.name(), "' datatype"), is.datatype(),
                     was.datatype());
    }
    if (!SameShape(was, is)) {
      return Changed(absl::StrCat(which, " '", was.name(), "' shape"), Shape(is), Shape(was));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInputs(const v1::Signature& now, const v1::Signature& next) {
  if (next.inputs_size() != now.inputs_size()) {
    return Changed("the number of inputs", absl::StrCat(next.inputs_size()),
                   absl::StrCat(now.inputs_size()));
  }
  for (const v1::Tensor& was : now.inputs()) {
    const auto is =
        std::find_if(next.inputs().begin(), next.inputs().end(),
                     [&](const v1::Tensor& input) { return input.name() == was.name(); });
    const std::string which = absl::StrCat("input '", was.name(), "'");
    if (is == next.inputs().end()) return Changed(which, "gone", "there");
    if (is->datatype() != was.datatype()) {
      return Changed(which + " datatype", is->datatype(), was.datatype());
    }
    if (!TakesShape(was, *is)) return Changed(which + " shape", Shape(*is), Shape(was));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckReplaces(const v1::Signature& now, const v1::Signature& next) {
  if (now.features_size() > 0 && next.features_size() == 0) {
    return Changed("the number of features", "0, so that Predict could not be answered",
                   absl::StrCat(now.features_size()));
  }
  absl::Status status = CheckOutputs(now, next);
  if (status.ok() && now.features_size() == 0) status = CheckInputs(now, next);
  return status;
}

}  // namespace predictd::repository
