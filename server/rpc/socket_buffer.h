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
// code linked in from archives, gRPC above all: instead of libc's sendmsg(), shutdown() and close()
// it calls those of gathered_writes.cc and socket_buffer.cc (the linker's --wrap).
//
// One per descriptor number, never destroyed. Any thread.
class SocketBuffer {
 public:
  // Most that is kept: hundreds of answers of usual size.
  static constexpr size_t kMost = 16 * 1024;

  // Null where nothing was ever kept for this number.
  static SocketBuffer* Find(int socket);
  // Null where the number is too large for the table.
  static SocketBuffer* Of(int socket);

  // As sendmsg(), after what is kept. With `more` to come soon the message may be kept: the caller
  // calls Flush in the end, again and again until it is true.
  ssize_t Send(const msghdr& message, int flags, bool more) ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends what is kept. False where the socket takes no more for now. Nothing is kept for a broken
  // connection: gRPC hears of it when it next reads or writes.
  bool Flush() ABSL_LOCKS_EXCLUDED(mutex_);
  // Before the socket is shut down or closed. What a full socket does not take then is lost, unlike
  // what the kernel has: only where gRPC gives up a connection whose peer does not read.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  explicit SocketBuffer(int socket) : socket_(socket) {}

  bool FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int socket_;
  Mutex mutex_;
  std::string kept_ ABSL_GUARDED_BY(mutex_);
  // The socket did not take all of the last: what comes next is not kept, so that gRPC hears of it
  // and waits for the socket.
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
};

// The kernel's sendmsg(), past everything that is kept.
ssize_t SendPastBuffer(int socket, const msghdr& message, int flags);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_SOCKET_BUFFER_H_
