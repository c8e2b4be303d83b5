#include "server/sql/store_address.h"

#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("a SQLite address is a path after sqlite:") {
  const auto address = ParseStoreAddress("--save_to", "sqlite:/var/lib/a b.db");
  REQUIRE(address.ok());
  CHECK(address->kind == StoreKind::kSqlite);
  CHECK(address->path == "/var/lib/a b.db");
  CHECK(ParseStoreAddress("--save_to", "sqlite:relative.db")->path == "relative.db");
}

TEST_CASE("a PostgreSQL address is kept as libpq takes it") {
  for (const char* value :
       {"postgresql://u:secret@h:5433/db", "postgres:///db?host=/run/postgresql"}) {
    const auto address = ParseStoreAddress("--feature_source", value);
    REQUIRE(address.ok());
    CHECK(address->kind == StoreKind::kPostgres);
    CHECK(address->path == value);
  }
}

TEST_CASE("a PostgreSQL address that libpq cannot read is refused without the password") {
  for (const char* value : {"postgresql://u:secret@h/db?nonsense=1", "postgres://u:secret@[h/db"}) {
    const absl::Status status = ParseStoreAddress("--feature_source", value).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    const std::string message(status.message());
    CHECK(message.find("--feature_source") == 0);
    CHECK(message.find("postgresql://[user") != std::string::npos);
    CHECK(message.find("secret") == std::string::npos);
  }
}

TEST_CASE("a password that would be taken for a port, a database or a host is refused unseen") {
  for (const char* value :
       {"postgresql://app:Zm9v/YmFy@127.0.0.1:25999/db", "postgres://app:12/YmFy@h/db",
        "postgresql://app:Zm9v@YmFy@h/db", "postgresql://app:Zm9v/YmFy"}) {
    for (const char* flag : {"--feature_source", "--save_to"}) {
      const absl::Status status = ParseStoreAddress(flag, value).status();
      CHECK(status.code() == absl::StatusCode::kInvalidArgument);
      const std::string message(status.message());
      CHECK(message.find(flag) == 0);
      CHECK(message.find("%2F and %40") != std::string::npos);
      CHECK(message.find("Zm9v") == std::string::npos);
      CHECK(message.find("YmFy") == std::string::npos);
    }
  }
  for (const char* value :
       {"postgresql://app:Zm9v%2FYm%40y@h:1,i,j:3/db",
        "postgresql://app:x@/db?host=@sock,/run&port=1,2", "postgresql://[::1]:5432/db"}) {
    CHECK(ParseStoreAddress("--save_to", value).ok());
  }
}

TEST_CASE("any other address names the flag and the remedy") {
  for (const char* value : {"", "sqlite:", "users.db", "mysql://u:secret@h", "SQLITE:x"}) {
    const absl::Status status = ParseStoreAddress("--save_to", value).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    const std::string message(status.message());
    CHECK(message.find("--save_to") == 0);
    CHECK(message.find("sqlite:PATH") != std::string::npos);
    CHECK(message.find("secret") == std::string::npos);
  }
}

}  // namespace
}  // namespace predictd
