// A real PostgreSQL of a test's own, on a Unix socket in a folder that goes with it.
#ifndef PREDICTD_TESTS_FAKES_POSTGRES_SERVER_H_
#define PREDICTD_TESTS_FAKES_POSTGRES_SERVER_H_

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/fakes/temp_folder.h"

namespace predictd {

// One thread, which outlives it: the server ends when the thread that started it does. Throws where
// the server does not do what is asked. Run by root, the server runs as the user `postgres`, since
// it refuses root.
class PostgresServer {
 public:
  PostgresServer() {
    if (::getuid() == 0) {
      const passwd* const user = ::getpwnam("postgres");
      if (user == nullptr) throw std::runtime_error("no user 'postgres'; is it installed?");
      owner_ = user->pw_uid;
      group_ = user->pw_gid;
      if (::chown(folder().c_str(), owner_, group_) != 0) throw std::runtime_error("cannot chown");
    }
    // No sync: what is made here need not outlive the machine.
    const pid_t made = Spawn({Program("initdb"), "-D", data(), "-A", "trust", "-U", "test", "-N",
                              "--locale=C", "-E", "UTF8"});
    int status = 0;
    ::waitpid(made, &status, 0);
    if (status != 0) throw std::runtime_error("initdb failed: " + Output());
    Start();
  }
  ~PostgresServer() { Kill(); }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // What --feature_source and --save_to take; `user` may be "name:password".
  std::string url(const std::string& database = "postgres",
                  const std::string& user = "test") const {
    return "postgresql://" + user + "@/" + database + "?host=" + folder().string();
  }
  // The folder of its socket.
  const std::filesystem::path& folder() const { return folder_.path(); }
  pid_t pid() const { return pid_; }

  // Starts a server that was stopped, with its data, and waits until it answers.
  void Start() {
    if (pid_ > 0) return;
    pid_ = Spawn({Program("postgres"), "-D", data(), "-k", folder().string(), "-c",
                  "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"});
    const absl::Time latest = absl::Now() + absl::Seconds(120);
    while (PQping(url().c_str()) != PQPING_OK) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_ || absl::Now() > latest) {
        pid_ = -1;
        throw std::runtime_error("postgres does not answer: " + Output());
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  // At once, without goodbye (its "immediate shutdown"); returns when it is gone.
  void Kill() {
    if (pid_ <= 0) return;
    connection_.reset();
    Continue();
    ::kill(pid_, SIGQUIT);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void Restart() {
    Kill();
    Start();
  }
  // Who has to prove what: the lines of pg_hba.conf. In force after the next start.
  void SetAuthentication(const std::string& lines) {
    std::ofstream(data() + "/pg_hba.conf") << lines;
  }
  // The server and all its back ends hang; its kernel still accepts connections. Returns when they
  // do.
  void Stop() {
    // First the one that makes the others.
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, nullptr, WUNTRACED);
    for (const pid_t process : Processes()) ::kill(process, SIGSTOP);
  }
  void Continue() {
    for (const pid_t process : Processes()) ::kill(process, SIGCONT);
  }

  // Runs SQL on a connection of the test's own; the first value of the result, "" for none.
  std::string Do(const std::string& sql) {
    if (connection_ == nullptr || PQstatus(connection_.get()) != CONNECTION_OK) {
      connection_.reset(PQconnectdb(url().c_str()));
    }
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), sql.c_str()), PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    }
    if (PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0) return "";
    return PQgetvalue(result.get(), 0, 0);
  }

 private:
  std::string data() const { return folder_.File("data"); }
  std::string log() const { return folder_.File("log"); }

  // Debian keeps the server's programs out of PATH, a folder per version.
  static std::string Program(const std::string& name) {
    std::string newest = name;
    int newest_version = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
      const int version = std::atoi(entry.path().filename().c_str());
      const std::filesystem::path program = entry.path() / "bin" / name;
      if (version > newest_version && std::filesystem::exists(program)) {
        newest = program.string();
        newest_version = version;
      }
    }
    return newest;
  }

  pid_t Spawn(const std::vector<std::string>& line) const {
    std::vector<char*> argv;
    for (const std::string& word : line) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const std::string log_path = log();
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (owner_ != 0 && (::setgid(group_) != 0 || ::setuid(owner_) != 0)) ::_exit(126);
    // After setuid, which clears it. An immediate shutdown takes the back ends along.
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::chdir("/") != 0) ::_exit(125);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }

  std::string Output() const {
    std::stringstream text;
    text << std::ifstream(log()).rdbuf();
    return text.str();
  }

  // The server and its children.
  std::vector<pid_t> Processes() const {
    std::vector<pid_t> found = {pid_};
    const std::string task = "/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_);
    std::ifstream children(task + "/children");
    for (pid_t child; children >> child;) found.push_back(child);
    return found;
  }

  const TempFolder folder_;
  uid_t owner_ = 0;
  gid_t group_ = 0;
  pid_t pid_ = -1;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_POSTGRES_SERVER_H_
