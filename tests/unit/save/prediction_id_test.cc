#include "server/save/prediction_id.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <unordered_set>

#include "absl/strings/numbers.h"
#include "tests/catch.h"

namespace predictd::save {
namespace {

const absl::Time kNow = absl::FromUnixMillis(0x018bcfe56800);  // 2023-11-14

TEST_CASE("an id is a UUIDv7 of the clock's milliseconds") {
  PredictionIds ids;
  const std::string id = ids.Next(kNow);
  INFO(id);
  REQUIRE(id.size() == 36);
  CHECK(id.substr(0, 15) == "018bcfe5-6800-7");
  for (const size_t i : {8, 13, 18, 23}) CHECK(id[i] == '-');
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(id.find_first_not_of("0123456789abcdef-") == std::string::npos);
  CHECK(std::count(id.begin(), id.end(), '-') == 4);
}

TEST_CASE("ids rise while the clock stands, steps back and goes on") {
  PredictionIds ids;
  absl::Time now = kNow;
  std::string last;
  const auto check_rising = [&](int count) {
    int wrong = 0;
    for (int i = 0; i < count; ++i) {
      std::string next = ids.Next(now);
      if (next <= last || next[14] != '7' || next.size() != 36) ++wrong;
      last = std::move(next);
    }
    CHECK(wrong == 0);
  };
  check_rising(200000);
  now -= absl::Hours(1);
  check_rising(200000);
  CHECK(last.substr(0, 13) == "018bcfe5-6800");
  now += absl::Hours(1) + absl::Milliseconds(1);
  check_rising(1000);
  CHECK(last.substr(0, 13) == "018bcfe5-6801");
  for (int i = 0; i < 1000; ++i) {
    now += absl::Microseconds(300);
    check_rising(3);
  }
}

TEST_CASE("generators that start at the same moment make different ids") {
  std::unordered_set<std::string> seen;
  for (int g = 0; g < 100; ++g) {
    PredictionIds ids;
    for (int i = 0; i < 1000; ++i) seen.insert(ids.Next(kNow));
  }
  CHECK(seen.size() == 100000);
}

TEST_CASE("the random bits of new milliseconds are each set about half the time") {
  PredictionIds ids;
  absl::Time now = kNow;
  constexpr int kIds = 4000;
  int set[64] = {};
  for (int i = 0; i < kIds; ++i) {
    now += absl::Milliseconds(1);
    const std::string id = ids.Next(now);
    uint64_t bits = 0;
    REQUIRE(absl::SimpleHexAtoi(id.substr(19, 4) + id.substr(24), &bits));
    for (int b = 0; b < 62; ++b) set[b] += static_cast<int>(bits >> b & 1);
  }
  for (int b = 0; b < 62; ++b) CHECK(std::abs(set[b] - kIds / 2) < kIds / 8);
}

TEST_CASE("time per id", "[.speed]") {
  PredictionIds ids;
  constexpr int kIds = 2000000;
  size_t length = 0;
  const std::clock_t start = std::clock();
  for (int i = 0; i < kIds; ++i) length += ids.Next(kNow).size();
  CHECK(length == 36u * kIds);
  std::printf("%.1f ns of CPU per id\n",
              1e9 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / kIds);
}

}  // namespace
}  // namespace predictd::save
