#include "server/rpc/tensor_contents.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/catch.h"

namespace predictd::rpc {
namespace {

using inference::InferTensorContents;

template <typename Element>
std::string Bytes(const std::vector<Element>& elements) {
  std::string bytes(elements.size() * sizeof(Element), '\0');
  std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

// There and back again.
void CheckRoundTrip(Datatype datatype, const InferTensorContents& contents,
                    const std::string& bytes) {
  CAPTURE(DatatypeName(datatype));
  std::forward_list<std::string> narrowed;
  const auto raw = ContentsBytes("x", datatype, contents, narrowed);
  REQUIRE(raw.ok());
  CHECK(*raw == bytes);
  InferTensorContents again;
  FillContents(datatype, bytes, again);
  CHECK(again.SerializeAsString() == contents.SerializeAsString());
}

TEST_CASE("typed elements become raw bytes, and raw bytes typed elements") {
  InferTensorContents bools;
  bools.add_bool_contents(true);
  bools.add_bool_contents(false);
  CheckRoundTrip(Datatype::kBool, bools, Bytes<uint8_t>({1, 0}));

  InferTensorContents ints;
  ints.add_int_contents(-128);
  ints.add_int_contents(127);
  CheckRoundTrip(Datatype::kInt8, ints, Bytes<int8_t>({-128, 127}));
  CheckRoundTrip(Datatype::kInt16, ints, Bytes<int16_t>({-128, 127}));
  CheckRoundTrip(Datatype::kInt32, ints, Bytes<int32_t>({-128, 127}));

  InferTensorContents longs;
  longs.add_int64_contents(-(int64_t{1} << 40));
  CheckRoundTrip(Datatype::kInt64, longs, Bytes<int64_t>({-(int64_t{1} << 40)}));

  InferTensorContents unsigneds;
  unsigneds.add_uint_contents(255);
  CheckRoundTrip(Datatype::kUint8, unsigneds, Bytes<uint8_t>({255}));

  InferTensorContents floats;
  floats.add_fp32_contents(1.5F);
  floats.add_fp32_contents(-2);
  CheckRoundTrip(Datatype::kFp32, floats, Bytes<float>({1.5F, -2}));

  InferTensorContents doubles;
  doubles.add_fp64_contents(0.1);
  CheckRoundTrip(Datatype::kFp64, doubles, Bytes<double>({0.1}));
}

TEST_CASE("elements outside of the datatype are refused by value") {
  std::forward_list<std::string> narrowed;
  InferTensorContents ints;
  ints.add_int_contents(1);
  ints.add_int_contents(128);
  CHECK(ContentsBytes("x", Datatype::kInt8, ints, narrowed).status().message() ==
        "inputs['x']: 128 is no INT8");
  ints.set_int_contents(1, -40'000);
  CHECK(ContentsBytes("x", Datatype::kInt16, ints, narrowed).status().message() ==
        "inputs['x']: -40000 is no INT16");
  InferTensorContents unsigneds;
  unsigneds.add_uint_contents(256);
  CHECK(ContentsBytes("x", Datatype::kUint8, unsigneds, narrowed).status().message() ==
        "inputs['x']: 256 is no UINT8");
}

TEST_CASE("elements in another field than the datatype's are refused by the right field's name") {
  std::forward_list<std::string> narrowed;
  InferTensorContents contents;
  contents.add_int_contents(1);
  const auto wrong = ContentsBytes("x", Datatype::kFp32, contents, narrowed);
  CHECK(absl::IsInvalidArgument(wrong.status()));
  CHECK(wrong.status().message() == "inputs['x']: elements of FP32 belong in fp32_contents");
  contents.add_fp32_contents(1);
  CHECK_FALSE(ContentsBytes("x", Datatype::kFp32, contents, narrowed).ok());
  contents.Clear();
  contents.add_bytes_contents("1");
  CHECK_FALSE(ContentsBytes("x", Datatype::kInt64, contents, narrowed).ok());
}

TEST_CASE("16-bit floats have no typed form") {
  std::forward_list<std::string> narrowed;
  InferTensorContents contents;
  for (const Datatype datatype : {Datatype::kFp16, Datatype::kBf16}) {
    CHECK_FALSE(HasTypedForm(datatype));
    CHECK(absl::IsInvalidArgument(ContentsBytes("x", datatype, contents, narrowed).status()));
  }
  CHECK(ContentsBytes("x", Datatype::kFp16, contents, narrowed).status().message() ==
        "inputs['x']: elements of FP16 belong in raw_input_contents");
  CHECK(HasTypedForm(Datatype::kBool));
}

}  // namespace
}  // namespace predictd::rpc
