// A Redis that answers each command as the test says: for states that are hard to bring a real one
// into.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_COMMAND_SERVER_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_COMMAND_SERVER_H_

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "server/redis/protocol.h"
#include "tests/fakes/temp_folder.h"

namespace predictd::integration {

// Listens on a Unix socket, on a thread of its own, until it is destroyed.
class CommandServer {
 public:
  // The bytes with which a command is answered, called on the server's thread.
  using Answer = std::function<std::string(const std::vector<std::string>& command)>;

  explicit CommandServer(Answer answer);
  ~CommandServer();
  CommandServer(const CommandServer&) = delete;
  CommandServer& operator=(const CommandServer&) = delete;

  // What --feature_cache takes.
  std::string url() const { return "unix://" + path(); }

  int connections() const { return connections_; }

 private:
  struct Connection {
    int socket;
    redis::ReplyReader reader;  // a command is an array of strings, as a reply may be
  };

  std::string path() const { return folder_.File("s"); }
  void Run();
  // False once the peer has closed.
  bool Serve(Connection& connection);

  const Answer answer_;
  const TempFolder folder_;
  int listening_ = -1;
  std::list<Connection> open_;  // of the thread
  std::atomic<int> connections_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last, since it uses all the others
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_COMMAND_SERVER_H_
