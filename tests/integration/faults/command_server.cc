#include "tests/integration/faults/command_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "server/redis/endpoint.h"

namespace predictd::integration {

CommandServer::CommandServer(Answer answer) : answer_(std::move(answer)) {
  const auto endpoint = redis::UnixEndpoint(path());
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::bind(listening_, reinterpret_cast<const sockaddr*>(&endpoint->storage), endpoint->length) !=
          0 ||
      ::listen(listening_, 16) != 0) {
    throw std::runtime_error("cannot listen");
  }
  thread_ = std::thread([this] { Run(); });
}

CommandServer::~CommandServer() {
  stop_ = true;
  thread_.join();
  ::close(listening_);
  for (const Connection& connection : open_) ::close(connection.socket);
}

void CommandServer::Run() {
  while (!stop_) {
    std::vector<pollfd> sockets = {{listening_, POLLIN, 0}};
    for (const Connection& connection : open_) sockets.push_back({connection.socket, POLLIN, 0});
    ::poll(sockets.data(), sockets.size(), 20);
    for (auto connection = open_.begin(); connection != open_.end();) {
      if (Serve(*connection)) {
        ++connection;
        continue;
      }
      ::close(connection->socket);
      connection = open_.erase(connection);
    }
    const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    open_.emplace_back().socket = socket;
    ++connections_;
  }
}

bool CommandServer::Serve(Connection& connection) {
  char buffer[65536];
  const ssize_t count = ::recv(connection.socket, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (count <= 0) return count < 0 && errno == EAGAIN;
  connection.reader.Feed({buffer, static_cast<size_t>(count)});
  std::string out;
  while (auto command = connection.reader.Next()) {
    std::vector<std::string> words;
    for (size_t i = 0; i < command->size(); ++i) words.emplace_back((*command)[i].text());
    out += answer_(words);
  }
  return ::send(connection.socket, out.data(), out.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(out.size());
}

}  // namespace predictd::integration
