#include "server/rpc/gathered_writes.h"

#include <algorithm>

extern "C" ssize_t __real_sendmsg(int socket, const msghdr* message, int flags);
extern "C" int __real_shutdown(int socket, int how);
extern "C" int __real_close(int descriptor);

namespace predictd::rpc {
namespace {

// Most writes that are sent together. The other side works on the first answers while the rest are
// written: with all of a turn's together, client and server waited for each other in turns.
constexpr int kTogether = 16;

thread_local GatheredWrites* gathering = nullptr;

}  // namespace

void GatheredWrites::Begin() { gathering = this; }

void GatheredWrites::End() {
  gathering = nullptr;
  for (const int socket : written_to_) {
    Socket& state = sockets_[socket];
    if (state.buffer != nullptr && !state.buffer->Flush()) left_.insert(state.buffer);
    state.written = 0;
  }
  written_to_.clear();
}

void GatheredWrites::Retry() {
  absl::erase_if(left_, [](SocketBuffer* buffer) { return buffer->Flush(); });
}

ssize_t GatheredWrites::Send(int socket, const msghdr& message, int flags) {
  in_a_row_ = socket == last_socket_ ? std::min(in_a_row_ + 1, kSure) : 0;
  last_socket_ = socket;
  load_.Sent(socket);
  if (static_cast<size_t>(socket) >= sockets_.size()) sockets_.resize(socket + 1);
  Socket& state = sockets_[socket];
  if (state.written++ == 0) written_to_.push_back(socket);
  if (state.buffer == nullptr) state.buffer = SocketBuffer::Of(socket);
  if (state.buffer == nullptr) return __real_sendmsg(socket, &message, flags);
  return state.buffer->Send(message, flags, state.written % kTogether != 0);
}

}  // namespace predictd::rpc

// What gRPC and all else that is linked in from archives calls instead of libc's.
extern "C" {

ssize_t __wrap_sendmsg(int socket, const msghdr* message, int flags) {
  using predictd::rpc::gathering;
  if (gathering != nullptr) return gathering->Send(socket, *message, flags);
  if (auto* const buffer = predictd::rpc::SocketBuffer::Find(socket)) {
    return buffer->Send(*message, flags, false);
  }
  return __real_sendmsg(socket, message, flags);
}

int __wrap_shutdown(int socket, int how) {
  if (auto* const buffer = predictd::rpc::SocketBuffer::Find(socket)) buffer->Close();
  return __real_shutdown(socket, how);
}

int __wrap_close(int descriptor) {
  if (auto* const buffer = predictd::rpc::SocketBuffer::Find(descriptor)) buffer->Close();
  return __real_close(descriptor);
}
}
