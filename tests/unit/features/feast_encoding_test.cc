// The bytes here were not made by the code under test. Keys and the field of user_stats:age are the
// examples of Feast's key format; the other fields are murmur3 of "VIEW:FEATURE" by a second
// implementation; values are what Google's protobuf library for Python serializes for the fields of
// feast.types.Value and google.protobuf.Timestamp.
#include "server/features/feast_encoding.h"

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/features/feast_value.h"
#include "server/features/murmur3.h"
#include "tests/catch.h"
#include "tests/unit/features/fakes.h"
#include "tests/unit/features/hex.h"

namespace predictd::features {
namespace {

using Command = std::vector<std::string>;
using Names = std::vector<std::string>;

constexpr char kInt64Key[] =
    "01000000 02000000 07000000 757365725f6964 04000000 08000000 e903000000000000 70726f6a";
constexpr char kStringKey[] =
    "01000000 02000000 07000000 757365725f6964 02000000 02000000 7531 70726f6a";

// 2026-01-01T00:00:00.123Z.
constexpr char kTimestamp[] = "0880f2d6ca0610c0a9d33a";

FeastEncoding Feast(FeastEntityType type = FeastEntityType::kInt64) {
  return FeastEncoding(
      {.project = "proj", .entity_key = "user_id", .entity_type = type, .view = "user_stats"});
}

std::optional<std::string> Key(FeastEntityType type, absl::string_view user_id) {
  return Feast(type).Key("features:", user_id);
}

std::shared_ptr<const Schema> People() {
  return std::make_shared<Schema>(Names{"age", "income", "visits"});
}

std::string Bulk(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}
const std::string kNil = "$-1\r\n";

CacheAnswer Decode(const std::vector<std::string>& fields) {
  std::string resp = absl::StrCat("*", fields.size(), "\r\n");
  for (const std::string& field : fields) absl::StrAppend(&resp, field);
  return Feast().Decode(ParseReply(resp), People());
}

float ValueOf(absl::string_view hex) {
  const FeastNumber number = ReadFeastNumber(Bytes(hex));
  CHECK_FALSE(number.garbage);
  return number.value;
}

TEST_CASE("murmur3 is the published one") {
  CHECK(Murmur3("") == 0);
  CHECK(Murmur3("!") == 0x72661cf4);
  CHECK(Murmur3("!C") == 0xa0f7b07a);
  CHECK(Murmur3("!Ce") == 0x7e4a8634);
  CHECK(Murmur3("!Ce\x87") == 0xf55b516b);
  CHECK(Murmur3("\xff\xff\xff\xff") == 0x76293b50);
  CHECK(Murmur3(absl::string_view("\0\0\0", 3)) == 0x85f0b427);
  CHECK(Murmur3("test") == 0xba6bd213);
  CHECK(Murmur3("Hello, world!") == 0xc0363e43);
  CHECK(Murmur3("The quick brown fox jumps over the lazy dog") == 0x2e4ff723);
}

TEST_CASE("feast: keys are the bytes of the format, whatever the prefix") {
  CHECK(Key(FeastEntityType::kInt64, "1001") == Bytes(kInt64Key));
  CHECK(Key(FeastEntityType::kString, "u1") == Bytes(kStringKey));
  CHECK(Key(FeastEntityType::kInt32, "-2") ==
        Bytes("01000000 02000000 07000000 757365725f6964 03000000 04000000 feffffff 70726f6a"));
  CHECK(Key(FeastEntityType::kBytes, "u1") ==
        Bytes("01000000 02000000 07000000 757365725f6964 01000000 02000000 7531 70726f6a"));
  CHECK(Key(FeastEntityType::kUnixTimestamp, "1001") ==
        Bytes("01000000 02000000 07000000 757365725f6964 08000000 08000000 e903000000000000 "
              "70726f6a"));
  CHECK(Key(FeastEntityType::kString, "1001") != Key(FeastEntityType::kInt64, "1001"));
}

TEST_CASE("feast: an id that is no value of the entity's type has no key") {
  const auto type =
      GENERATE(FeastEntityType::kInt32, FeastEntityType::kInt64, FeastEntityType::kUnixTimestamp);
  for (const char* id : {"", "042", "+1", "-0", " 1", "1 ", "1.0", "1e3", "0x1", "one",
                         "9223372036854775808", "-9223372036854775809"}) {
    INFO(id);
    CHECK_FALSE(Key(type, id));
  }
  for (const char* id : {"0", "-1", "2147483647", "-2147483648"}) CHECK(Key(type, id));
  const bool wide = type != FeastEntityType::kInt32;
  for (const char* id : {"2147483648", "9223372036854775807", "-9223372036854775808"}) {
    CHECK(Key(type, id).has_value() == wide);
  }
}

TEST_CASE("feast: a key leads back to its user, and to nobody where it is not ours") {
  for (const auto type :
       {FeastEntityType::kBytes, FeastEntityType::kString, FeastEntityType::kInt32,
        FeastEntityType::kInt64, FeastEntityType::kUnixTimestamp}) {
    const FeastEncoding feast = Feast(type);
    for (const char* id : {"0", "42", "-7"}) {
      const std::string key = *feast.Key("", id);
      CHECK(feast.UserOf("", key) == id);
      CHECK(key.substr(0, feast.KeyHead("").size()) == feast.KeyHead(""));
      // Cut off anywhere, or of a project whose name is longer.
      for (size_t size = 0; size < key.size(); ++size) {
        CHECK_FALSE(feast.UserOf("", absl::string_view(key).substr(0, size)));
      }
      CHECK_FALSE(feast.UserOf("", key + "2"));
      CHECK_FALSE(feast.UserOf("", feast.KeyHead("") + std::string("\0canary", 7)));
    }
  }
  const FeastEncoding strings = Feast(FeastEntityType::kString);
  CHECK(strings.UserOf("", *strings.Key("", "xproj")) == "xproj");
  CHECK_FALSE(strings.UserOf("", Bytes(kInt64Key)));
}

TEST_CASE("feast: one HMGET of the features' hashes and the view's time") {
  const FeastEncoding feast = Feast();
  const std::vector<std::string> fields = feast.Fields(*People());
  const std::string key = Bytes(kInt64Key);
  const Arguments command = feast.ReadCommand(key, fields);
  CHECK(Command(command.begin(), command.end()) == Command{"HMGET", key, Bytes("e92ba6d5"),
                                                           Bytes("98751872"), Bytes("0dc98de0"),
                                                           "_ts:user_stats"});
}

TEST_CASE("feast: numbers of each type are read") {
  CHECK(ValueOf("18f9ffffffffffffffff01") == -7.0f);  // int32
  CHECK(ValueOf("1800") == 0.0f);                     // int32
  CHECK(ValueOf("20e907") == 1001.0f);                // int64
  CHECK(ValueOf("2080808080808080808001") == -9223372036854775808.0f);
  CHECK(ValueOf("299a9999999999b9bf") == -0.1f);  // double
  CHECK(ValueOf("3500002642") == 41.5f);          // float
  CHECK(ValueOf("3801") == 1.0f);                 // bool
  CHECK(ValueOf("3800") == 0.0f);
  CHECK(ValueOf("4080f2d6ca06") == 1767225600.0f);  // unix_timestamp
  // Several of a oneof: the last one counts.
  CHECK(ValueOf("20e907 3500002642") == 41.5f);
}

TEST_CASE("feast: null, nothing and what no float can hold are missing") {
  for (const char* hex : {"", "980100", "299c7500883ce4377e", "29000000000000f07f", "350000c07f",
                          "350000807f", "20e907 980100"}) {
    INFO(hex);
    CHECK(std::isnan(ValueOf(hex)));
  }
}

TEST_CASE("feast: text, bytes, lists and what is no value are garbage") {
  for (const char* hex :
       {"120178", "0a0178", "72040a020102",  // string, bytes, list of int64
        "20", "20e9", "2080808080808080808080808001", "29000000", "350000", "1205", "12ffffffff0f",
        "00", "0000", "23", "24", "07", "ff", "2d00002642", "20e907 12", "20e907 120178"}) {
    INFO(hex);
    const FeastNumber number = ReadFeastNumber(Bytes(hex));
    CHECK(number.garbage);
    CHECK(std::isnan(number.value));
  }
}

TEST_CASE("feast: any bytes at all are a number, missing or garbage") {
  std::minstd_rand random(1);
  for (int i = 0; i < 100000; ++i) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
    const FeastNumber number = ReadFeastNumber(bytes);
    if (number.garbage) CHECK(std::isnan(number.value));
    CHECK_FALSE(std::isinf(number.value));
    ReadTimestamp(bytes);
  }
}

TEST_CASE("feast: times") {
  CHECK(ReadTimestamp(Bytes(kTimestamp)) == absl::FromUnixMillis(1767225600123));
  CHECK(ReadTimestamp(Bytes("08ffffffffffffffffff01")) == absl::FromUnixSeconds(-1));
  CHECK(ReadTimestamp("") == absl::UnixEpoch());
  // Cut off, nanoseconds of a second or more, negative ones, the year 10000, another type.
  for (const char* hex : {"0880f2d6ca", "10808094eb dc03 08", "1080 94eb dc03",
                          "10ffffffffffffffffff01", "0880c8d2b2 fe8b 39", "0a0178", "0901"}) {
    INFO(hex);
    CHECK_FALSE(ReadTimestamp(Bytes(hex)));
  }
}

TEST_CASE("feast: a row with its values, what it misses, and its age") {
  const CacheAnswer answer =
      Decode({Bulk(Bytes("3500002642")), kNil, Bulk(""), Bulk(Bytes(kTimestamp))});
  REQUIRE(answer.row);
  CHECK_FALSE(answer.error);
  CHECK_FALSE(answer.may_fill);
  CHECK(answer.row->values[0] == 41.5f);
  CHECK(std::isnan(answer.row->values[1]));
  CHECK(std::isnan(answer.row->values[2]));
  CHECK(answer.row->read_at == absl::FromUnixMillis(1767225600123));
  CHECK(answer.row->origin == FeatureOrigin::kRedis);
  CHECK(answer.row->schema->fingerprint() == People()->fingerprint());
}

TEST_CASE("feast: a row with a feature that is no number, or a time that is none, is garbage") {
  const std::string number = Bulk(Bytes("20e907"));
  const std::string time = Bulk(Bytes(kTimestamp));
  for (const CacheAnswer& answer : {Decode({Bulk(Bytes("120178")), number, kNil, time}),
                                    Decode({number, number, Bulk(Bytes("72040a020102")), time}),
                                    Decode({number, kNil, kNil, Bulk("yesterday")})}) {
    CHECK_FALSE(answer.row);
    CHECK(answer.status.ok());
    CHECK(answer.error == StoreError::kGarbage);
    CHECK_FALSE(answer.may_fill);
  }
}

TEST_CASE("feast: without a time the age is unknown") {
  const CacheAnswer none = Decode({Bulk(Bytes("20e907")), kNil, kNil, kNil});
  REQUIRE(none.row);
  CHECK(none.row->read_at == absl::InfinitePast());
  CHECK_FALSE(none.error);
}

TEST_CASE(
    "feast: a hash with nothing of the view is a miss, a view's row without features is not") {
  const CacheAnswer nothing = Decode({kNil, kNil, kNil, kNil});
  CHECK_FALSE(nothing.row);
  CHECK(nothing.status.ok());
  CHECK_FALSE(nothing.error);
  const CacheAnswer empty = Decode({kNil, kNil, kNil, Bulk(Bytes(kTimestamp))});
  REQUIRE(empty.row);
  CHECK(std::isnan(empty.row->values[0]));
}

TEST_CASE("feast: answers that are no hash's fields") {
  const FeastEncoding feast = Feast();
  for (const char* resp :
       {"+OK\r\n", "$1\r\nx\r\n", "*0\r\n", "*3\r\n$-1\r\n$-1\r\n$-1\r\n", ":1\r\n"}) {
    const CacheAnswer answer = feast.Decode(ParseReply(resp), People());
    CHECK_FALSE(answer.row);
    CHECK(answer.error == StoreError::kGarbage);
  }
  const CacheAnswer wrong_type =
      feast.Decode(ParseReply("-WRONGTYPE Operation against a key\r\n"), People());
  CHECK(wrong_type.error == StoreError::kWrongType);
  CHECK_FALSE(feast.Decode(ParseReply("-LOADING\r\n"), People()).status.ok());
  const CacheAnswer odd = Decode({":1\r\n", "*0\r\n", kNil, ":1\r\n"});
  CHECK(odd.error == StoreError::kGarbage);
}

TEST_CASE("feast: writes nothing") {
  int commands = 0;
  FeatureRow row;
  row.schema = People();
  row.values = {1.0f, 2.0f, 3.0f};
  Feast().WriteCommands("key", row, absl::Hours(1),
                        [&](absl::Span<const absl::string_view>) { ++commands; });
  CHECK(commands == 0);
}

}  // namespace
}  // namespace predictd::features
