#include "server/rpc/gathered_writes.h"

#include <algorithm>

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
    if (state.buffer != nullptr && !state.buffer->Flush()) unsent_.insert(state.buffer);
    state.written = 0;
  }
  written_to_.clear();
}

bool GatheredWrites::Retry() {
  return absl::erase_if(unsent_, [](SocketBuffer* buffer) { return buffer->Flush(); }) > 0;
}

ssize_t GatheredWrites::Send(int socket, const msghdr& message, int flags) {
  if (socket < 0) return SendPastBuffer(socket, message, flags);
  in_a_row_ = socket == last_socket_ ? std::min(in_a_row_ + 1, kSure) : 0;
  last_socket_ = socket;
  load_.Sent(socket);
  if (static_cast<size_t>(socket) >= sockets_.size()) sockets_.resize(socket + 1);
  Socket& state = sockets_[socket];
  if (state.written++ == 0) written_to_.push_back(socket);
  if (state.buffer == nullptr) state.buffer = SocketBuffer::Of(socket);
  if (state.buffer == nullptr) return SendPastBuffer(socket, message, flags);
  return state.buffer->Send(message, flags, state.written % kTogether != 0);
}

}  // namespace predictd::rpc

extern "C" ssize_t __wrap_sendmsg(int socket, const msghdr* message, int flags) {
  using predictd::rpc::gathering;
  if (gathering != nullptr) return gathering->Send(socket, *message, flags);
  if (auto* const buffer = predictd::rpc::SocketBuffer::Find(socket)) {
    return buffer->Send(*message, flags, false);
  }
  return predictd::rpc::SendPastBuffer(socket, *message, flags);
}
