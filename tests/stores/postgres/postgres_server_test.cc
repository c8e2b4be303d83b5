// The tests' PostgreSQL does what the tests need of it.
#include "tests/fakes/postgres_server.h"

#include "tests/catch.h"

namespace predictd {
namespace {

TEST_CASE("a PostgreSQL of the test's own keeps its data over a restart") {
  PostgresServer server;
  server.Do("CREATE TABLE t (n int); INSERT INTO t VALUES (42)");
  CHECK(server.Do("SELECT n FROM t") == "42");
  server.Stop();
  server.Continue();
  server.Restart();
  CHECK(server.Do("SELECT n FROM t") == "42");
}

}  // namespace
}  // namespace predictd
