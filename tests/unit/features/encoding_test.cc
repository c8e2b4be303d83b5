#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/features/hash_encoding.h"
#include "server/features/packed_encoding.h"
#include "tests/catch.h"
#include "tests/unit/features/fakes.h"
#include "tests/unit/features/hex.h"

namespace predictd::features {
namespace {

using Command = std::vector<std::string>;
using Names = std::vector<std::string>;

const float kNan = std::numeric_limits<float>::quiet_NaN();

// Computed by another program (Python's struct, and FNV-1a from its published definition): schema
// age, income, visits; read at 2026-01-01T00:00:00.123Z; values 41.5, -0.1, missing.
constexpr char kPackedHex[] = "f149d9582dd21dbc7ba8da769b01000000002642cdccccbd0000c07f";

std::string PackedBytes() { return Bytes(kPackedHex); }
constexpr int64_t kReadAtMillis = 1767225600123;

std::shared_ptr<const Schema> People() {
  return std::make_shared<Schema>(Names{"age", "income", "visits"});
}

FeatureRow Row() {
  FeatureRow row;
  row.schema = People();
  row.values = {41.5f, -0.1f, kNan};
  row.read_at = absl::FromUnixMillis(kReadAtMillis);
  return row;
}

std::string Bulk(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

CacheAnswer Decode(const RowEncoding& encoding, absl::string_view resp) {
  return encoding.Decode(ParseReply(resp), People());
}

std::vector<Command> Written(const RowEncoding& encoding, const FeatureRow& row,
                             absl::Duration ttl) {
  std::vector<Command> commands;
  encoding.WriteCommands("features:42", row, ttl, [&](absl::Span<const absl::string_view> command) {
    commands.emplace_back(command.begin(), command.end());
  });
  return commands;
}

Command Read(const RowEncoding& encoding) {
  const std::shared_ptr<const Schema> schema = People();
  const std::vector<std::string> fields = encoding.Fields(*schema);
  const Arguments command = encoding.ReadCommand("features:42", fields);
  return Command(command.begin(), command.end());
}

bool IsMiss(const CacheAnswer& answer) { return !answer.row && answer.status.ok(); }

TEST_CASE("packed: a row is the bytes of the format") {
  CHECK(absl::BytesToHexString(PackRow(Row())) == kPackedHex);
}

TEST_CASE("packed: the bytes of the format are the row") {
  const PackedEncoding packed;
  const CacheAnswer answer = Decode(packed, Bulk(PackedBytes()));
  REQUIRE(answer.row);
  CHECK_FALSE(answer.error);
  CHECK(answer.row->values[0] == 41.5f);
  CHECK(answer.row->values[1] == -0.1f);
  CHECK(std::isnan(answer.row->values[2]));
  CHECK(answer.row->read_at == absl::FromUnixMillis(kReadAtMillis));
  CHECK(answer.row->origin == FeatureOrigin::kRedis);
  CHECK(answer.row->schema->fingerprint() == People()->fingerprint());
}

TEST_CASE("packed: commands") {
  const PackedEncoding packed;
  CHECK(Read(packed) == Command{"GET", "features:42"});
  const std::string value = PackedBytes();
  CHECK(Written(packed, Row(), absl::Hours(1)) ==
        std::vector<Command>{{"SET", "features:42", value, "PX", "3600000"}});
  CHECK(Written(packed, Row(), absl::Microseconds(1)) ==
        std::vector<Command>{{"SET", "features:42", value, "PX", "1"}});
  CHECK(Written(packed, Row(), absl::InfiniteDuration()) ==
        std::vector<Command>{{"SET", "features:42", value}});
}

TEST_CASE("packed: what is no row is a counted miss that the next fill overwrites") {
  const PackedEncoding packed;
  const std::string value = PackedBytes();
  std::string other_schema = value;
  other_schema[0] ^= 1;
  std::string infinite = value;
  infinite.replace(16, 4, std::string("\0\0\x80\x7f", 4));
  std::string read_in_no_year = value;
  read_in_no_year[15] ^= '\x80';
  for (const std::string& bad :
       {std::string(), value.substr(0, 15), value.substr(0, 27), value + "x", value + "0000",
        other_schema, infinite, read_in_no_year}) {
    const CacheAnswer answer = Decode(packed, Bulk(bad));
    CHECK(IsMiss(answer));
    CHECK(answer.error == StoreError::kGarbage);
    CHECK(answer.may_fill);
  }
}

TEST_CASE("nothing under the key is a miss and no error") {
  for (const CacheAnswer& answer : {Decode(PackedEncoding(), "$-1\r\n"),
                                    Decode(HashEncoding(), "*3\r\n$-1\r\n$-1\r\n$-1\r\n")}) {
    CHECK(IsMiss(answer));
    CHECK_FALSE(answer.error);
    CHECK(answer.may_fill);
  }
}

TEST_CASE("a key of another type is a counted miss and is never written") {
  const PackedEncoding packed;
  const HashEncoding hash;
  for (const RowEncoding* encoding :
       {static_cast<const RowEncoding*>(&packed), static_cast<const RowEncoding*>(&hash)}) {
    const CacheAnswer answer =
        Decode(*encoding, "-WRONGTYPE Operation against a key holding the wrong kind\r\n");
    CHECK(IsMiss(answer));
    CHECK(answer.error == StoreError::kWrongType);
    CHECK_FALSE(answer.may_fill);
  }
}

TEST_CASE("an error of Redis says nothing about the key") {
  const PackedEncoding packed;
  for (const char* error :
       {"NOAUTH Authentication required.", "LOADING Redis is loading", "MASTERDOWN Link", "ERR"}) {
    const CacheAnswer answer = Decode(packed, absl::StrCat("-", error, "\r\n"));
    CHECK_FALSE(answer.row);
    CHECK(absl::IsUnavailable(answer.status));
    CHECK(answer.status.message() == error);
    CHECK_FALSE(answer.may_fill);
  }
}

TEST_CASE("a reply that Redis does not give to this command is garbage") {
  for (const char* resp : {":1\r\n", "+OK\r\n", "*0\r\n", "*1\r\n$1\r\n1\r\n",
                           "*3\r\n:1\r\n:2\r\n:3\r\n", "*3\r\n*0\r\n*0\r\n*0\r\n"}) {
    CHECK(Decode(PackedEncoding(), resp).error == StoreError::kGarbage);
    CHECK(Decode(HashEncoding(), resp).error == StoreError::kGarbage);
  }
  CHECK(Decode(PackedEncoding(), "*-1\r\n").row == std::nullopt);
  CHECK(Decode(HashEncoding(), "$-1\r\n").error == StoreError::kGarbage);
}

TEST_CASE("hash: the fields are the row, a field that is not there is missing") {
  const CacheAnswer answer =
      Decode(HashEncoding(), absl::StrCat("*3\r\n", Bulk("41.5"), "$-1\r\n", Bulk("-3e-05")));
  REQUIRE(answer.row);
  CHECK_FALSE(answer.error);
  CHECK(answer.row->values[0] == 41.5f);
  CHECK(std::isnan(answer.row->values[1]));
  CHECK(answer.row->values[2] == -3e-05f);
  CHECK(answer.row->read_at == absl::InfinitePast());
  CHECK(answer.row->origin == FeatureOrigin::kRedis);
}

TEST_CASE("hash: a text that is no number makes the row a counted miss") {
  for (const char* text : {"", " 1", "1 ", "+1", "nan", "inf", "-inf", "0x10", "1,5", "1e999",
                           "1e39", "true", "1.2.3", "1\n"}) {
    CAPTURE(text);
    const CacheAnswer answer =
        Decode(HashEncoding(), absl::StrCat("*3\r\n", Bulk("1"), Bulk(text), Bulk("2")));
    CHECK(IsMiss(answer));
    CHECK(answer.error == StoreError::kGarbage);
    CHECK(answer.may_fill);
  }
}

TEST_CASE("hash: decimal text is read as the nearest float") {
  CHECK(ParseFeature("0") == 0.0f);
  CHECK(ParseFeature("-0.1") == -0.1f);
  CHECK(ParseFeature("16777217") == 16777216.0f);
  CHECK(ParseFeature("3.4028235e38") == std::numeric_limits<float>::max());
  CHECK(ParseFeature("1E3") == 1000.0f);
  CHECK(ParseFeature(".5") == 0.5f);
  CHECK(ParseFeature("1e-45") == std::numeric_limits<float>::denorm_min());
  CHECK(ParseFeature("1e-300") == 0.0f);
  CHECK(ParseFeature("-1e-400") == 0.0f);
}

TEST_CASE("hash: commands take away what is missing") {
  const HashEncoding hash;
  CHECK(Read(hash) == Command{"HMGET", "features:42", "age", "income", "visits"});
  CHECK(Written(hash, Row(), absl::Minutes(1)) ==
        std::vector<Command>{{"HDEL", "features:42", "visits"},
                             {"HSET", "features:42", "age", "41.5", "income", "-0.1"},
                             {"PEXPIRE", "features:42", "60000"}});
  CHECK(Written(hash, Row(), absl::InfiniteDuration()).size() == 2);
  FeatureRow missing = Row();
  missing.values = {kNan, kNan, kNan};
  CHECK(Written(hash, missing, absl::Hours(1)) ==
        std::vector<Command>{{"HDEL", "features:42", "age", "income", "visits"}});
  FeatureRow complete = Row();
  complete.values = {1, 2, 3};
  CHECK(Written(hash, complete, absl::InfiniteDuration()) ==
        std::vector<Command>{{"HSET", "features:42", "age", "1", "income", "2", "visits", "3"}});
}

TEST_CASE("what one encoding writes it reads back, for wide rows too") {
  Names names;
  FeatureRow row;
  for (int i = 0; i < 300; ++i) {
    names.push_back(absl::StrCat("feature", i));
    row.values.push_back(std::ldexp(1.0f + i / 300.0f, i - 150 > 120 ? 120 : i - 150));
  }
  row.schema = std::make_shared<Schema>(names);
  row.read_at = absl::FromUnixMillis(kReadAtMillis);

  const std::vector<Command> packed = Written(PackedEncoding(), row, absl::Hours(1));
  const CacheAnswer unpacked = PackedEncoding().Decode(ParseReply(Bulk(packed[0][2])), row.schema);
  REQUIRE(unpacked.row);
  CHECK(unpacked.row->values == row.values);
  CHECK(unpacked.row->read_at == row.read_at);

  const std::vector<Command> hash = Written(HashEncoding(), row, absl::Hours(1));
  std::string resp = absl::StrCat("*", names.size(), "\r\n");
  for (size_t i = 3; i < hash[0].size(); i += 2) absl::StrAppend(&resp, Bulk(hash[0][i]));
  const CacheAnswer read = HashEncoding().Decode(ParseReply(resp), row.schema);
  REQUIRE(read.row);
  CHECK(read.row->values == row.values);
}

TEST_CASE("no bytes make a decoder fall over") {
  std::mt19937 random(1);
  const std::string value = PackedBytes();
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = value;
    const int changes = static_cast<int>(random() % 4);
    for (int c = 0; c < changes; ++c) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 2) bytes.resize(random() % 64, static_cast<char>(random()));
    const CacheAnswer packed = Decode(PackedEncoding(), Bulk(bytes));
    CHECK((packed.row ? packed.row->values.size() == 3 : packed.error == StoreError::kGarbage));

    std::string text(random() % 8, '\0');
    for (char& c : text) c = "0123456789.-+eEinfxa \0\xff"[random() % 24];
    const CacheAnswer hash =
        Decode(HashEncoding(), absl::StrCat("*3\r\n", Bulk(text), Bulk(bytes), "$-1\r\n"));
    CHECK((hash.row || hash.error == StoreError::kGarbage));
  }
}

}  // namespace
}  // namespace predictd::features
