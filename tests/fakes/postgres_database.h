// A database of a test's own, on one server for the whole program.
#ifndef PREDICTD_TESTS_FAKES_POSTGRES_DATABASE_H_
#define PREDICTD_TESTS_FAKES_POSTGRES_DATABASE_H_

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/fakes/postgres_server.h"

namespace predictd {

// The main thread starts it, so that it lives until the program ends.
inline PostgresServer& SharedPostgres() {
  static PostgresServer server;
  return server;
}

class PostgresDatabase {
 public:
  PostgresDatabase() {
    static int made = 0;
    name_ = "test_" + std::to_string(++made);
    SharedPostgres().Start();
    SharedPostgres().Do("CREATE DATABASE " + name_);
  }
  ~PostgresDatabase() {
    // A test that failed may have left it stopped.
    SharedPostgres().Continue();
  }
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;

  const std::string& name() const { return name_; }
  PostgresServer& server() const { return SharedPostgres(); }
  // What --feature_source and --save_to take.
  std::string url(const std::string& user = "test") const {
    const std::string of_server = server().url();
    return "postgresql://" + user + "@/" + name_ + of_server.substr(of_server.find('?'));
  }

  // Runs SQL; the first value of the result, "" for none.
  std::string Do(const std::string& sql) const {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url().c_str()),
                                                                  PQfinish);
    PQsetNoticeReceiver(
        connection.get(), [](void*, const PGresult*) {}, nullptr);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), sql.c_str()), PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      throw std::runtime_error(PQerrorMessage(connection.get()));
    }
    if (PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0) return "";
    return PQgetvalue(result.get(), 0, 0);
  }

  // Ends every other connection to the database, as its administrator may.
  void Terminate() const {
    Do("SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity "
       "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }

 private:
  std::string name_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_POSTGRES_DATABASE_H_
