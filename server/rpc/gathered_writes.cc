#include "server/rpc/gathered_writes.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace predictd::rpc {
namespace {

// Most writes that are sent together. The other side works on the first answers while the rest are
// written: with all of a turn's together, client and server waited for each other in turns.
constexpr int kTogether = 8;

thread_local GatheredWrites* gathering = nullptr;

// Sends what the kernel kept back (tcp(7)). Fails on other sockets, which keep nothing.
void Push(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

void GatheredWrites::Begin() { gathering = this; }

void GatheredWrites::End() {
  gathering = nullptr;
  for (const int socket : written_to_) {
    Socket& state = sockets_[socket];
    if (state.held) Push(socket);
    state = {.expected = state.written};
  }
  written_to_.clear();
}

int GatheredWrites::FlagsFor(int socket) {
  if (static_cast<size_t>(socket) >= sockets_.size()) sockets_.resize(socket + 1);
  Socket& state = sockets_[socket];
  if (state.written == 0) written_to_.push_back(socket);
  in_a_row_ = socket == last_socket_ ? std::min(in_a_row_ + 1, kSure) : 0;
  last_socket_ = socket;
  ++state.written;
  load_.Sent(socket);
  state.held = state.written < state.expected && state.written % kTogether != 0;
  return state.held ? MSG_MORE : 0;
}

}  // namespace predictd::rpc

// Instead of libc's, for gRPC and everybody else in the process.
extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  using predictd::rpc::gathering;
  if (gathering != nullptr) flags |= gathering->FlagsFor(socket);
  return ::syscall(SYS_sendmsg, socket, message, flags);
}
