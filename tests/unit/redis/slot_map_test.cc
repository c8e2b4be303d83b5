#include "server/redis/slot_map.h"

#include <optional>
#include <string>

#include "server/redis/protocol.h"
#include "tests/catch.h"

namespace predictd::redis {
namespace {

const HostAndPort kAsked{"asked", 1};

Reply Read(const std::string& bytes) {
  ReplyReader reader;
  reader.Feed(bytes);
  auto reply = reader.Next();
  REQUIRE(reply.has_value());
  return *std::move(reply);
}

TEST_CASE("a slot map says who has which slot") {
  // Redis 7: [first, last, [host, port, id, [metadata]], replica...]; Redis 6 without metadata.
  const Reply reply = Read(
      "*2\r\n"
      "*4\r\n:0\r\n:99\r\n*4\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n*0\r\n"
      "*4\r\n$1\r\nr\r\n:7001\r\n$2\r\nid\r\n*0\r\n"
      "*3\r\n:100\r\n:16383\r\n*3\r\n$3\r\n::1\r\n:7002\r\n$2\r\nid\r\n");
  const auto map = SlotMap::Parse(reply, kAsked);
  REQUIRE(map.ok());
  CHECK(map->complete());
  REQUIRE(map->masters() == std::vector<HostAndPort>{{"a", 7000}, {"::1", 7002}});
  CHECK(map->MasterOf(0) == 0u);
  CHECK(map->MasterOf(99) == 0u);
  CHECK(map->MasterOf(100) == 1u);
  CHECK(map->MasterOf(kSlots - 1) == 1u);
}

TEST_CASE("slots that nobody serves are known as such, until they move") {
  auto map = SlotMap::Parse(Read("*1\r\n*3\r\n:1\r\n:1\r\n*2\r\n$1\r\na\r\n:7000\r\n"), kAsked);
  REQUIRE(map.ok());
  CHECK_FALSE(map->complete());
  CHECK(map->MasterOf(0) == std::nullopt);
  CHECK(map->MasterOf(1) == 0u);
  CHECK(map->Move(0, {"b", 1}) == 1);
  CHECK(map->Move(2, {"a", 7000}) == 0);
  CHECK(map->MasterOf(0) == 1u);
  CHECK(map->MasterOf(2) == 0u);
}

TEST_CASE("an error in place of a slot map is no garbage") {
  const Reply disabled = Read("-ERR This instance has cluster support disabled\r\n");
  const absl::Status status = SlotMap::Parse(disabled, kAsked).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(status.message() == "this server has cluster support disabled: use redis://");
  CHECK(absl::IsUnavailable(SlotMap::Parse(Read("-LOADING x\r\n"), kAsked).status()));
  CHECK(absl::IsUnavailable(SlotMap::Parse(Read("*0\r\n"), kAsked).status()));
  CHECK(absl::IsDataLoss(SlotMap::Parse(Read("+OK\r\n"), kAsked).status()));
}

TEST_CASE("a redirection names a slot and a server") {
  const auto moved = ParseRedirection(Read("-MOVED 3999 127.0.0.1:6381\r\n"), kAsked);
  REQUIRE(moved.has_value());
  CHECK_FALSE(moved->ask);
  CHECK(moved->slot == 3999);
  CHECK(moved->to == HostAndPort{"127.0.0.1", 6381});
  const auto ask = ParseRedirection(Read("-ASK 0 fe80::1:6381\r\n"), kAsked);
  REQUIRE(ask.has_value());
  CHECK(ask->ask);
  CHECK(ask->to == HostAndPort{"fe80::1", 6381});
  CHECK(ParseRedirection(Read("-MOVED 1 :7\r\n"), kAsked)->to == HostAndPort{"asked", 7});
  CHECK(ParseRedirection(Read("-MOVED 1 ?:7\r\n"), kAsked)->to == HostAndPort{"asked", 7});
}

TEST_CASE("other errors and replies are no redirections") {
  CHECK_FALSE(IsRedirection(Read("-TRYAGAIN x\r\n")));
  CHECK_FALSE(IsRedirection(Read("-MOVEDX 1 a:1\r\n")));
  CHECK_FALSE(IsRedirection(Read("+MOVED 1 a:1\r\n")));
  CHECK_FALSE(ParseRedirection(Read("-CLUSTERDOWN x\r\n"), kAsked).has_value());
}

}  // namespace
}  // namespace predictd::redis
