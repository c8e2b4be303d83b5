// Something on a TCP port that is no PostgreSQL: it takes connections, says one thing to each that
// has said something, and nothing else.
#ifndef PREDICTD_TESTS_STORES_POSTGRES_DEAF_SERVER_H_
#define PREDICTD_TESTS_STORES_POSTGRES_DEAF_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace predictd {

class DeafServer {
 public:
  explicit DeafServer(std::string says)
      : says_(std::move(says)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~DeafServer() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  DeafServer(const DeafServer&) = delete;
  DeafServer& operator=(const DeafServer&) = delete;

  int port() const { return port_; }

 private:
  void Run() {
    std::vector<pollfd> sockets = {{listener_, POLLIN, 0}};
    while (!stop_) {
      if (::poll(sockets.data(), sockets.size(), 5) <= 0) continue;
      for (size_t i = sockets.size() - 1; i > 0; --i) {
        if (sockets[i].revents == 0) continue;
        char bytes[4096];
        if (::recv(sockets[i].fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
          ::send(sockets[i].fd, says_.data(), says_.size(), MSG_NOSIGNAL);
        } else {
          ::close(sockets[i].fd);
          sockets.erase(sockets.begin() + static_cast<ptrdiff_t>(i));
        }
      }
      if (sockets[0].revents != 0) {
        sockets.push_back({::accept(listener_, nullptr, nullptr), POLLIN, 0});
      }
    }
    for (size_t i = 1; i < sockets.size(); ++i) ::close(sockets[i].fd);
  }

  const std::string says_;
  const int listener_;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_STORES_POSTGRES_DEAF_SERVER_H_
