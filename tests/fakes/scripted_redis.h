// A server that speaks RESP exactly as badly as the test says.
#ifndef PREDICTD_TESTS_FAKES_SCRIPTED_REDIS_H_
#define PREDICTD_TESTS_FAKES_SCRIPTED_REDIS_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "server/redis/address.h"
#include "server/redis/endpoint.h"
#include "tests/fakes/temp_folder.h"

namespace predictd {

// Without a thread: things happen when the test calls, nothing ever waits. One connection at a
// time: the newest.
class ScriptedRedis {
 public:
  enum class On { kUnixSocket, kTcp };

  explicit ScriptedRedis(On on = On::kUnixSocket) {
    auto endpoint = on == On::kTcp ? redis::NumericEndpoint("127.0.0.1", 0)
                                   : redis::UnixEndpoint(folder_.File("s"));
    auto* plain = reinterpret_cast<sockaddr*>(&endpoint->storage);
    listening_ = ::socket(plain->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (::bind(listening_, plain, endpoint->length) != 0 || ::listen(listening_, 16) != 0 ||
        ::getsockname(listening_, plain, &endpoint->length) != 0) {
      throw std::runtime_error("cannot listen");
    }
    if (on == On::kTcp) {
      address_.host = "127.0.0.1";
      address_.port = ntohs(reinterpret_cast<const sockaddr_in*>(plain)->sin_port);
    } else {
      address_.unix_path = folder_.File("s");
    }
  }
  ~ScriptedRedis() {
    Close();
    ::close(listening_);
  }
  ScriptedRedis(const ScriptedRedis&) = delete;
  ScriptedRedis& operator=(const ScriptedRedis&) = delete;

  const redis::Address& address() const { return address_; }

  // What the first PING of each connection is answered with; empty: it is not.
  std::string greeting = "+PONG\r\n";

  // Takes a new connection and what was sent, and greets. Call it between the turns of the loop.
  void Poll() {
    const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      Close();
      socket_ = socket;
      ++connections_;
    }
    char buffer[4096];
    ssize_t count = 0;
    while (socket_ >= 0 && (count = ::recv(socket_, buffer, sizeof(buffer), 0)) > 0) {
      received_.append(buffer, static_cast<size_t>(count));
    }
    static const std::string kPing = "*1\r\n$4\r\nPING\r\n";
    if (const size_t at = received_.find(kPing); !greeted_ && at != std::string::npos) {
      greeted_ = true;
      received_.erase(0, at + kPing.size());
      Say(greeting);
    }
  }

  // Sent on the present connection since the greeting, in the protocol's form.
  const std::string& received() const { return received_; }
  int connections() const { return connections_; }
  // True, and it is forgotten, if this is what was sent first.
  bool Take(absl::string_view command) {
    if (!absl::StartsWith(received_, command)) return false;
    received_.erase(0, command.size());
    return true;
  }

  // What does not fit into the socket's buffer is lost.
  void Say(absl::string_view bytes) {
    [[maybe_unused]] const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void Close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    received_.clear();
    greeted_ = false;
  }

 private:
  const TempFolder folder_;
  redis::Address address_;
  int listening_ = -1;
  int socket_ = -1;
  int connections_ = 0;
  bool greeted_ = false;
  std::string received_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_SCRIPTED_REDIS_H_
