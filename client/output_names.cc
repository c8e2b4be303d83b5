#include "client/output_names.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace predictd::client {
namespace {

// Elements per row; nothing where a size is open. The first dimension is the batch.
std::optional<size_t> RowElements(const v1::Tensor& tensor) {
  size_t elements = 1;
  for (int i = 1; i < tensor.shape_size(); ++i) {
    if (tensor.shape(i) < 0) return std::nullopt;
    elements *= static_cast<size_t>(tensor.shape(i));
  }
  return elements;
}

void AppendNames(const std::string& name, size_t elements, bool indexed,
                 std::vector<std::string>& names) {
  for (size_t i = 0; i < elements; ++i) {
    names.push_back(indexed ? absl::StrCat(name, "[", i, "]") : name);
  }
}

}  // namespace

size_t DeclaredOutputs(const v1::Signature& signature) {
  size_t declared = 0;
  for (const auto& tensor : signature.outputs()) {
    const auto elements = RowElements(tensor);
    if (!elements) return 0;
    declared += *elements;
  }
  return declared;
}

std::vector<std::string> OutputNames(const v1::Signature* signature, size_t count) {
  std::vector<std::string> names;
  if (signature != nullptr) {
    size_t known = 0;
    int open = 0;
    for (const auto& tensor : signature->outputs()) {
      const auto elements = RowElements(tensor);
      known += elements.value_or(0);
      open += elements ? 0 : 1;
    }
    const bool fits = open == 0 ? known == count : open == 1 && known <= count;
    if (fits) {
      for (const auto& tensor : signature->outputs()) {
        const auto elements = RowElements(tensor);
        AppendNames(tensor.name(), elements.value_or(count - known), elements != size_t{1}, names);
      }
      return names;
    }
  }
  AppendNames("output", count, true, names);
  return names;
}

}  // namespace predictd::client
