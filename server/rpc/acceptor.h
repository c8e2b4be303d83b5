// Takes connections and hands them to gRPC.
//
// gRPC 1.51's own listener closes for good when accept() finds no free descriptor. This one refuses
// what it has no descriptor for and goes on, and keeps a few back for stores and files.
#ifndef PREDICTD_SERVER_RPC_ACCEPTOR_H_
#define PREDICTD_SERVER_RPC_ACCEPTOR_H_

#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>
#include <vector>

#include "server/rpc/listen_socket.h"

namespace predictd::rpc {

// Owns the sockets and one thread, which does nothing but accept. To be stopped before the server
// that it feeds.
class Acceptor {
 public:
  using Server = grpc::experimental::ExternalConnectionAcceptor;

  Acceptor(std::vector<ListenSocket> sockets, std::unique_ptr<Server> server);
  ~Acceptor() { Stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Once the server has started.
  void Start();
  // Closes the sockets: who connects from now on is refused.
  void Stop();

 private:
  void Run();
  // Takes all that wait on the socket. False where the process is out of descriptors.
  bool AcceptFrom(const ListenSocket& socket);
  void NoteRefused(bool refused);

  std::vector<ListenSocket> sockets_;
  const std::unique_ptr<Server> server_;
  const int stop_;  // an eventfd
  bool refusing_ = false;
  std::thread thread_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_ACCEPTOR_H_
