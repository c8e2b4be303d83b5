// A server on a Unix socket that takes any number of connections and answers each command as the
// test says.
#ifndef PREDICTD_TESTS_UNIT_REDIS_ANSWERING_REDIS_H_
#define PREDICTD_TESTS_UNIT_REDIS_ANSWERING_REDIS_H_

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/redis/address.h"
#include "server/redis/endpoint.h"
#include "server/redis/protocol.h"
#include "tests/fakes/temp_folder.h"

namespace predictd::redis {

// Without a thread: things happen when the test calls, nothing ever waits.
class AnsweringRedis {
 public:
  // The words of a command -> the bytes of its answer; empty = none.
  using Answer = std::function<std::string(const std::vector<std::string>& words)>;

  explicit AnsweringRedis(Answer answer) : answer_(std::move(answer)) {
    const auto endpoint = UnixEndpoint(path());
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (::bind(listening_, reinterpret_cast<const sockaddr*>(&endpoint->storage),
               endpoint->length) != 0 ||
        ::listen(listening_, 16) != 0) {
      throw std::runtime_error("cannot listen");
    }
  }
  ~AnsweringRedis() {
    for (const auto& [socket, reader] : readers_) ::close(socket);
    ::close(listening_);
  }
  AnsweringRedis(const AnsweringRedis&) = delete;
  AnsweringRedis& operator=(const AnsweringRedis&) = delete;

  Address address() const {
    Address address;
    address.unix_path = path();
    return address;
  }

  // Takes new connections and commands, and answers. Call it between the turns of the loop.
  void Poll() {
    int socket;
    while ((socket = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      readers_[socket];
    }
    for (auto& [from, reader] : readers_) {
      char buffer[4096];
      ssize_t count;
      while ((count = ::recv(from, buffer, sizeof(buffer), 0)) > 0) {
        reader.Feed({buffer, static_cast<size_t>(count)});
        while (const auto command = reader.Next()) {
          std::vector<std::string> words;
          for (size_t i = 0; i < command->size(); ++i) words.emplace_back((*command)[i].text());
          if (words[0] == "SUBSCRIBE") subscriber_ = from;
          Send(from, answer_(words));
        }
      }
    }
  }

  // To whoever subscribed last.
  void SayToSubscriber(absl::string_view bytes) { Send(subscriber_, bytes); }

 private:
  std::string path() const { return folder_.File("s"); }
  static void Send(int socket, absl::string_view bytes) {
    [[maybe_unused]] const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  const Answer answer_;
  const TempFolder folder_;
  int listening_ = -1;
  int subscriber_ = -1;
  std::map<int, ReplyReader> readers_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_TESTS_UNIT_REDIS_ANSWERING_REDIS_H_
