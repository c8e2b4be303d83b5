#include "server/redis/key_slot.h"

#include <string>

#include "tests/catch.h"

namespace predictd::redis {
namespace {

TEST_CASE("slots are those of the Redis Cluster specification") {
  // The specification's own check value of its CRC16.
  CHECK(KeySlot("123456789") == 0x31C3 % kSlots);
  CHECK(KeySlot("foo") == 12182);
  CHECK(KeySlot("bar") == 5061);
  CHECK(KeySlot("") == 0);
  CHECK(KeySlot(std::string("\xff\0\x80", 3)) < kSlots);
}

TEST_CASE("of a key with a hash tag only the tag counts") {
  CHECK(KeySlot("{user1000}.following") == KeySlot("user1000"));
  CHECK(KeySlot("features:{user1000}") == KeySlot("user1000"));
  CHECK(KeySlot("foo{bar}{zap}") == KeySlot("bar"));
  CHECK(KeySlot("foo{{bar}}zap") == KeySlot("{bar"));
}

TEST_CASE("an empty or unfinished tag is none") {
  CHECK(KeySlot("foo{}{bar}") != KeySlot("bar"));
  CHECK(KeySlot("foo{bar") != KeySlot("bar"));
  CHECK(KeySlot("foo}bar{") != KeySlot("foo"));
}

}  // namespace
}  // namespace predictd::redis
