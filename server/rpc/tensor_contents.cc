#include "server/rpc/tensor_contents.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace predictd::rpc {
namespace {

using google::protobuf::RepeatedField;
using inference::InferTensorContents;

static_assert(std::endian::native == std::endian::little, "tensors travel as they lie in memory");
static_assert(sizeof(bool) == 1);

// The field for a datatype.
struct Place {
  absl::string_view name;
  int elements;
};

Place PlaceOf(Datatype datatype, const InferTensorContents& contents) {
  switch (datatype) {
    case Datatype::kBool:
      return {"bool_contents", contents.bool_contents_size()};
    case Datatype::kInt8:
    case Datatype::kInt16:
    case Datatype::kInt32:
      return {"int_contents", contents.int_contents_size()};
    case Datatype::kInt64:
      return {"int64_contents", contents.int64_contents_size()};
    case Datatype::kUint8:
      return {"uint_contents", contents.uint_contents_size()};
    case Datatype::kFp32:
      return {"fp32_contents", contents.fp32_contents_size()};
    case Datatype::kFp64:
      return {"fp64_contents", contents.fp64_contents_size()};
    case Datatype::kFp16:
    case Datatype::kBf16:
      break;
  }
  return {"raw_input_contents", 0};
}

int ElementsInAllFields(const InferTensorContents& contents) {
  return contents.bool_contents_size() + contents.int_contents_size() +
         contents.int64_contents_size() + contents.uint_contents_size() +
         contents.uint64_contents_size() + contents.fp32_contents_size() +
         contents.fp64_contents_size() + contents.bytes_contents_size();
}

template <typename Element>
absl::string_view View(const RepeatedField<Element>& field) {
  return {reinterpret_cast<const char*>(field.data()), field.size() * sizeof(Element)};
}

// Into elements of a narrower type.
template <typename Element, typename Wide>
absl::StatusOr<absl::string_view> Narrow(absl::string_view tensor, Datatype datatype,
                                         const RepeatedField<Wide>& field,
                                         std::forward_list<std::string>& narrowed) {
  std::string& bytes = narrowed.emplace_front(field.size() * sizeof(Element), '\0');
  char* to = bytes.data();
  for (const Wide value : field) {
    if (!std::in_range<Element>(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("inputs['", tensor, "']: ", value, " is no ", DatatypeName(datatype)));
    }
    const auto element = static_cast<Element>(value);
    std::memcpy(to, &element, sizeof(element));
    to += sizeof(element);
  }
  return bytes;
}

template <typename Element, typename Wide>
void Fill(absl::string_view bytes, RepeatedField<Wide>& field) {
  const int count = static_cast<int>(bytes.size() / sizeof(Element));
  field.Resize(count, Wide());
  if constexpr (std::is_same_v<Element, Wide>) {
    std::memcpy(field.mutable_data(), bytes.data(), bytes.size());
  } else {
    for (int i = 0; i < count; ++i) {
      Element element;
      std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
      field[i] = element;
    }
  }
}

}  // namespace

bool HasTypedForm(Datatype datatype) {
  return datatype != Datatype::kFp16 && datatype != Datatype::kBf16;
}

absl::StatusOr<absl::string_view> ContentsBytes(absl::string_view tensor, Datatype datatype,
                                                const InferTensorContents& contents,
                                                std::forward_list<std::string>& narrowed) {
  const Place place = PlaceOf(datatype, contents);
  if (!HasTypedForm(datatype) || place.elements != ElementsInAllFields(contents)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input '", tensor, "': elements of ", DatatypeName(datatype), " belong in ", place.name));
  }
  switch (datatype) {
    case Datatype::kBool:
      return View(contents.bool_contents());
    case Datatype::kInt8:
      return Narrow<int8_t>(tensor, datatype, contents.int_contents(), narrowed);
    case Datatype::kInt16:
      return Narrow<int16_t>(tensor, datatype, contents.int_contents(), narrowed);
    case Datatype::kInt32:
      return View(contents.int_contents());
    case Datatype::kInt64:
      return View(contents.int64_contents());
    case Datatype::kUint8:
      return Narrow<uint8_t>(tensor, datatype, contents.uint_contents(), narrowed);
    case Datatype::kFp32:
      return View(contents.fp32_contents());
    case Datatype::kFp64:
      return View(contents.fp64_contents());
    case Datatype::kFp16:
    case Datatype::kBf16:
      break;
  }
  return absl::string_view();
}

void FillContents(Datatype datatype, absl::string_view bytes, InferTensorContents& contents) {
  switch (datatype) {
    case Datatype::kBool:
      return Fill<bool>(bytes, *contents.mutable_bool_contents());
    case Datatype::kInt8:
      return Fill<int8_t>(bytes, *contents.mutable_int_contents());
    case Datatype::kInt16:
      return Fill<int16_t>(bytes, *contents.mutable_int_contents());
    case Datatype::kInt32:
      return Fill<int32_t>(bytes, *contents.mutable_int_contents());
    case Datatype::kInt64:
      return Fill<int64_t>(bytes, *contents.mutable_int64_contents());
    case Datatype::kUint8:
      return Fill<uint8_t>(bytes, *contents.mutable_uint_contents());
    case Datatype::kFp32:
      return Fill<float>(bytes, *contents.mutable_fp32_contents());
    case Datatype::kFp64:
      return Fill<double>(bytes, *contents.mutable_fp64_contents());
    case Datatype::kFp16:
    case Datatype::kBf16:
      return;
  }
}

}  // namespace predictd::rpc
