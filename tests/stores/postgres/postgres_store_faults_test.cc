#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/stores/postgres/postgres_store_rig.h"
#include "tests/unit/sql/source_file.h"

namespace predictd {
namespace {

TEST_CASE("a write after the back end was terminated, or the server restarted, works at once") {
  PostgresStoreRig test;
  test.Open();
  REQUIRE(test.Write("a").ok());
  REQUIRE(test.Find("a").has_value());
  SECTION("terminated") { test.database.Terminate(); }
  SECTION("restarted") { test.database.server().Restart(); }
  CHECK(test.Write("b").ok());
  CHECK(test.Find("b").has_value());
  CHECK(test.Count() == "2");
}

TEST_CASE("a PostgreSQL that is down is an error that names it, and passes") {
  PostgresStoreRig test;
  test.Open();
  REQUIRE(test.Write("a").ok());
  test.database.server().Kill();
  const absl::Status status = test.Write("b");
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CheckError(status, {test.database.name().c_str(), "/.s.PGSQL"});
  CHECK(test.store->Find("a").status().code() == absl::StatusCode::kUnavailable);
  test.database.server().Start();
  CHECK(test.Write("b").ok());
  CHECK(test.Find("a").has_value());
  CHECK(test.Count() == "2");
}

TEST_CASE("a PostgreSQL that is down does not keep the store from being made") {
  PostgresStoreRig test;
  test.database.server().Kill();
  {
    const CapturedLog log;
    test.Open();
    CHECK(log.Count("predictions wait for it") == 1);
  }
  CHECK(test.Write("a").code() == absl::StatusCode::kUnavailable);
  test.database.server().Start();
  CHECK(test.Write("a").ok());
  CHECK(test.Count() == "1");
}

TEST_CASE("a PostgreSQL that hangs is an error in bounded time, and passes") {
  PostgresStoreRig test;
  test.timeout = absl::Milliseconds(300);
  test.Open();
  REQUIRE(test.Insist("a").ok());
  test.database.server().Stop();
  // More than the socket's buffer holds.
  Prediction large = MakePrediction("large");
  large.user_id.assign(8 << 20, 'x');
  CHECK(test.Write({large}).status().code() == absl::StatusCode::kDeadlineExceeded);
  // Now for want of a new connection.
  for (int i = 0; i < 2; ++i) {
    CHECK(test.Write("b").code() == absl::StatusCode::kDeadlineExceeded);
    CHECK(test.store->Find("a").status().code() == absl::StatusCode::kDeadlineExceeded);
  }
  CHECK(PostgresStore::Create({test.database.url(), test.timeout, test.timeout}, test.clock).ok());
  test.database.server().Continue();
  CHECK(test.Insist("b").ok());
  CHECK(test.Count() == "2");
}

TEST_CASE("a table in PostgreSQL that another has locked is an error in bounded time, and passes") {
  PostgresStoreRig test;
  test.Open();
  test.timeout = absl::Milliseconds(300);
  test.Open();
  PostgresServer& server = test.database.server();
  // Another program, whose connection the back end of the lock is.
  const std::unique_ptr<PGconn, decltype(&PQfinish)> other(PQconnectdb(test.database.url().c_str()),
                                                           PQfinish);
  PQclear(PQexec(other.get(), "BEGIN; LOCK TABLE predictions"));
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = test.Write("a");
    INFO(status.ToString());
    CHECK(!status.ok());
    CHECK(!absl::IsInvalidArgument(status));
  }
  // Nothing of what was given up waits on in the server.
  const absl::Time latest = test.clock.Now() + absl::Seconds(60);
  const std::string waiting =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT%' AND state = 'active'";
  while (server.Do(waiting) != "0" && test.clock.Now() < latest) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  CHECK(server.Do(waiting) == "0");
  PQclear(PQexec(other.get(), "COMMIT"));
  test.timeout = absl::Seconds(60);
  test.Open();
  CHECK(test.Write("a").ok());
  CHECK(test.Count() == "1");
}

TEST_CASE("a PostgreSQL without space refuses for now, not for ever") {
  PostgresStoreRig test;
  test.Open();
  test.database.Do(
      "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; "
      "CREATE TRIGGER full_disk BEFORE INSERT ON predictions EXECUTE FUNCTION full_disk()");
  const absl::Status status = test.Write("a");
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CheckError(status, {"could not extend file"});
  test.database.Do("DROP TRIGGER full_disk ON predictions");
  CHECK(test.Write("a").ok());
}

TEST_CASE("a read-only PostgreSQL refuses for now, at the start and later") {
  PostgresStoreRig test;
  const std::string read_only =
      "ALTER DATABASE " + test.database.name() + " SET default_transaction_read_only = on";
  const std::string writable =
      "ALTER DATABASE " + test.database.name() + " RESET default_transaction_read_only";
  test.database.server().Do(read_only);
  test.Open();
  CHECK(test.Write("a").code() == absl::StatusCode::kUnavailable);
  test.database.server().Do(writable);
  CHECK(test.Write("a").ok());
  test.database.server().Do(read_only);
  test.Open();
  const absl::Status status = test.Write("b");
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CheckError(status, {"read-only"});
  CHECK(test.Find("a").has_value());
  test.database.server().Do(writable);
  CHECK(test.Write("b").ok());
}

TEST_CASE("a table in PostgreSQL that was dropped is made anew") {
  PostgresStoreRig test;
  test.Open();
  REQUIRE(test.Write("a").ok());
  test.database.Do("DROP TABLE predictions");
  CHECK(!test.Write("b").ok());
  CHECK(test.Write("b").ok());
  CHECK(test.Count() == "1");
}

TEST_CASE("a PostgreSQL that refuses us is refused at the start, without showing the password") {
  PostgresStoreRig test;
  PostgresServer& server = test.database.server();
  const std::string of_server = server.url();
  const std::string parameters = of_server.substr(of_server.find('?'));
  CheckError(test.TryOpen("postgresql://test:s3cret@/no_such_database" + parameters),
             {"--save_to", "no_such_database", "does not exist"});
  const absl::Status no_role =
      test.TryOpen("postgresql://nobody:s3cret@/" + test.database.name() + parameters);
  CheckError(no_role, {"--save_to", "role", "does not exist"});
  CHECK(std::string(no_role.message()).find("s3cret") == std::string::npos);

  // A user who may connect, but neither create the table nor write to it.
  server.Do("CREATE ROLE reader_" + test.database.name() + " LOGIN");
  const std::string reader = test.database.url("reader_" + test.database.name());
  CheckError(test.TryOpen(reader), {"--save_to", "permission denied"});
  test.Open();
  CheckError(test.TryOpen(reader), {"--save_to", "may not INSERT"});
  test.database.Do("GRANT INSERT, SELECT ON predictions TO reader_" + test.database.name());
  CHECK(test.TryOpen(reader).ok());
  CHECK(test.Write("a").ok());
  // Taken away while it runs: it may be given back.
  test.database.Do("REVOKE INSERT ON predictions FROM reader_" + test.database.name());
  CHECK(test.Write("b").code() == absl::StatusCode::kPermissionDenied);
  test.database.Do("GRANT INSERT ON predictions TO reader_" + test.database.name());
  CHECK(test.Write("b").ok());
}

}  // namespace
}  // namespace predictd
