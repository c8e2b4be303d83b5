// A real redis-server of a test's own: on a Unix socket, and on a free TCP port where asked, in a
// folder that goes with it.
#ifndef PREDICTD_TESTS_FAKES_REDIS_SERVER_H_
#define PREDICTD_TESTS_FAKES_REDIS_SERVER_H_

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/redis/address.h"
#include "server/redis/endpoint.h"
#include "server/redis/protocol.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/temp_folder.h"

namespace predictd {

// One thread, which outlives it: the server is killed when the thread that started it ends, so that
// a test that crashes leaves nothing behind. Throws where the server does not do what is asked.
class RedisServer {
 public:
  struct Options {
    bool tcp = false;
    // The TCP port speaks TLS, as "ours" of these, and asks clients for a certificate of that
    // authority; null = it does not.
    const Certificates* tls = nullptr;
    bool cluster = false;       // one of a cluster, with `tcp`: alone at first
    std::string password = {};  // of the default user
    std::vector<std::string> arguments =
        {};  // more of redis-server's, such as {"--maxmemory", "1mb"}
  };

  RedisServer() : RedisServer(Options{}) {}
  explicit RedisServer(Options options) : options_(std::move(options)) {
    if (options_.tcp) port_ = FreePort();
    if (options_.cluster) bus_port_ = FreePort();
    Start();
  }
  ~RedisServer() { Kill(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::string socket_path() const { return folder_.File("s"); }
  int port() const { return port_; }          // 0 without Options::tcp
  int bus_port() const { return bus_port_; }  // 0 without Options::cluster
  pid_t pid() const { return pid_; }

  // What --feature_cache takes.
  std::string unix_url() const { return "unix://" + socket_path(); }
  std::string tcp_url() const {
    return (options_.tls == nullptr ? "redis://127.0.0.1:" : "rediss://127.0.0.1:") +
           std::to_string(port_);
  }

  redis::Address unix_address() const {
    redis::Address address;
    address.unix_path = socket_path();
    address.password = options_.password;
    return address;
  }

  // Starts a server that was killed, without its data, and waits until it answers.
  void Start() {
    if (pid_ > 0) return;
    const std::vector<std::string> line = CommandLine();
    std::vector<char*> argv;
    for (const std::string& word : line) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    const absl::Time latest = absl::Now() + absl::Seconds(20);
    while (!Answers()) {
      if (absl::Now() > latest) throw std::runtime_error("redis-server does not answer");
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  // At once and without goodbye; returns when it is gone.
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    Hangup();
  }
  void Restart() {
    Kill();
    Start();
  }
  // Hangs, while its kernel still accepts connections; returns when it does.
  void Stop() {
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, nullptr, WUNTRACED);
  }
  void Continue() { ::kill(pid_, SIGCONT); }

  // Asks the server on a connection of the test's own, and waits.
  redis::Reply Do(std::initializer_list<absl::string_view> command) {
    if (control_ < 0) Dial();
    return Ask({command.begin(), command.size()});
  }
  // As a replica, or as the master of as many as it has.
  bool HasWholeLinks() {
    const redis::Reply info = Do({"INFO", "replication"});
    const absl::string_view text = info.text();
    if (text.find("role:slave") != absl::string_view::npos) {
      return text.find("master_link_status:up") != absl::string_view::npos;
    }
    return text.find("state=online") != absl::string_view::npos;
  }
  // The number after `name:` in INFO.
  int64_t Info(absl::string_view name) {
    const redis::Reply info = Do({"INFO", "everything"});
    const size_t at = info.text().find("\n" + std::string(name) + ":");
    if (at == absl::string_view::npos) throw std::runtime_error("INFO has no " + std::string(name));
    return std::atoll(info.text().data() + at + name.size() + 2);
  }

 private:
  static int FreePort() {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(probe, plain, length) != 0 || ::getsockname(probe, plain, &length) != 0) {
      throw std::runtime_error("no free port");
    }
    ::close(probe);
    return ntohs(address.sin_port);
  }

  std::vector<std::string> CommandLine() const {
    std::vector<std::string> line = {"redis-server",
                                     options_.tls == nullptr ? "--port" : "--tls-port",
                                     std::to_string(port_),
                                     "--bind",
                                     "127.0.0.1",
                                     "--unixsocket",
                                     socket_path(),
                                     "--dir",
                                     folder_.path().string(),
                                     "--logfile",
                                     "redis.log",
                                     "--loglevel",
                                     "warning",
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "no",
                                     "--daemonize",
                                     "no",
                                     "--enable-debug-command",
                                     "yes"};
    if (!options_.password.empty()) {
      line.insert(line.end(), {"--requirepass", options_.password});
    }
    if (options_.tls != nullptr) {
      line.insert(line.end(), {"--port", "0", "--tls-cert-file", options_.tls->File("ours.pem"),
                               "--tls-key-file", options_.tls->File("ours.key"),
                               "--tls-ca-cert-file", options_.tls->File("ours-ca.pem")});
    }
    if (options_.cluster) {
      line.insert(line.end(), {"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                               "--cluster-port", std::to_string(bus_port_)});
    }
    line.insert(line.end(), options_.arguments.begin(), options_.arguments.end());
    return line;
  }

  bool Answers() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("redis-server ended at once; is it installed?");
    }
    try {
      Dial();
      Ask({{"PING"}});
      return true;
    } catch (const std::runtime_error&) {
      Hangup();
      return false;
    }
  }

  void Dial() {
    control_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto endpoint = redis::UnixEndpoint(socket_path());
    const timeval longest{20, 0};
    ::setsockopt(control_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
    if (!endpoint || ::connect(control_, reinterpret_cast<const sockaddr*>(&endpoint->storage),
                               endpoint->length) != 0) {
      Hangup();
      throw std::runtime_error("cannot connect");
    }
    if (!options_.password.empty()) Ask({{"AUTH", options_.password}});
  }
  void Hangup() {
    if (control_ >= 0) ::close(std::exchange(control_, -1));
  }

  redis::Reply Ask(absl::Span<const absl::string_view> command) {
    std::string out;
    redis::AppendCommand(command, out);
    if (::send(control_, out.data(), out.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(out.size())) {
      throw std::runtime_error("cannot send");
    }
    redis::ReplyReader reader;
    std::string in(65536, '\0');
    while (true) {
      const ssize_t count = ::recv(control_, in.data(), in.size(), 0);
      if (count <= 0) throw std::runtime_error("no answer");
      reader.Feed({in.data(), static_cast<size_t>(count)});
      if (auto reply = reader.Next()) return *std::move(reply);
    }
  }

  const Options options_;
  const TempFolder folder_;
  int port_ = 0;
  int bus_port_ = 0;
  pid_t pid_ = -1;
  int control_ = -1;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_REDIS_SERVER_H_
