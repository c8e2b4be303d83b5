// Bytes on their way to a socket that are kept in the process for a moment.
#ifndef PREDICTD_SERVER_RPC_SOCKET_BUFFER_H_
#define PREDICTD_SERVER_RPC_SOCKET_BUFFER_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace predictd::rpc {

// What a socket is sent goes to it in order, whichever thread sends it: what is kept goes before
// what is sent later, and before the socket is shut down or closed. That holds for what is sent by
// code linked in from archives, gRPC above all: its sendmsg(), shutdown() and close() are those of
// gathered_writes.cc (the linker's --wrap).
//
// One per descriptor number, never destroyed. Any thread.
class SocketBuffer {
 public:
  // Null where nothing was ever kept for this number.
  static SocketBuffer* Find(int socket);
  // Null where the number is too large for the table.
  static SocketBuffer* Of(int socket);

  explicit SocketBuffer(int socket) : socket_(socket) {}

  // As sendmsg(), after what is kept. With `more` to come soon the message may be kept: the caller
  // calls Flush in the end, again and again until it is true.
  ssize_t Send(const msghdr& message, int flags, bool more) ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends what is kept. False where the socket takes no more for now. Nothing is kept for a broken
  // connection: gRPC hears of it when it next reads or writes.
  bool Flush() ABSL_LOCKS_EXCLUDED(mutex_);
  // Before the socket is shut down or closed. What a full socket does not take is lost, as what
  // its peer has not read would be.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int socket_;
  Mutex mutex_;
  std::string kept_ ABSL_GUARDED_BY(mutex_);
  bool full_ ABSL_GUARDED_BY(mutex_) = false;  // and something is kept
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_SOCKET_BUFFER_H_
