#include "server/rpc/socket_buffer.h"

#include <array>
#include <atomic>
#include <cerrno>

extern "C" ssize_t __real_sendmsg(int socket, const msghdr* message, int flags);
extern "C" int __real_shutdown(int socket, int how);
extern "C" int __real_close(int descriptor);

namespace predictd::rpc {
namespace {

constexpr size_t kTableSize = 64 * 1024;
std::array<std::atomic<SocketBuffer*>, kTableSize> table;

size_t SizeOf(const msghdr& message) {
  size_t size = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) size += message.msg_iov[i].iov_len;
  return size;
}

// Asks for nothing but to send bytes on a connection.
bool IsPlain(const msghdr& message, int flags) {
  return (flags & ~MSG_NOSIGNAL) == 0 && message.msg_controllen == 0 && message.msg_namelen == 0;
}

// No room for now, as gRPC sees it too; ENOBUFS where the machine is short of memory.
bool IsFull(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

SocketBuffer* SocketBuffer::Find(int socket) {
  if (static_cast<size_t>(socket) >= kTableSize) return nullptr;
  return table[socket].load(std::memory_order_acquire);
}

SocketBuffer* SocketBuffer::Of(int socket) {
  if (static_cast<size_t>(socket) >= kTableSize) return nullptr;
  if (SocketBuffer* const found = Find(socket)) return found;
  auto* const fresh = new SocketBuffer(socket);
  SocketBuffer* other = nullptr;
  if (table[socket].compare_exchange_strong(other, fresh)) return fresh;
  delete fresh;
  return other;
}

ssize_t SocketBuffer::Send(const msghdr& message, int flags, bool more) {
  const size_t size = SizeOf(message);
  MutexLock lock(mutex_);
  const bool fits = IsPlain(message, flags) && !full_ && kept_.size() + size <= kMost;
  if (fits && (more || !kept_.empty())) {
    for (size_t i = 0; i < message.msg_iovlen; ++i) {
      const iovec& part = message.msg_iov[i];
      kept_.append(static_cast<const char*>(part.iov_base), part.iov_len);
    }
    if (!more) FlushLocked();
    return static_cast<ssize_t>(size);
  }
  if (!FlushLocked()) {
    errno = EAGAIN;
    return -1;
  }
  const ssize_t sent = __real_sendmsg(socket_, &message, flags);
  full_ = sent < static_cast<ssize_t>(size);
  return sent;
}

bool SocketBuffer::Flush() {
  MutexLock lock(mutex_);
  return FlushLocked();
}

void SocketBuffer::Close() {
  MutexLock lock(mutex_);
  FlushLocked();
  full_ = false;
  // Its memory too: descriptors are many after a burst of connections.
  std::string().swap(kept_);
}

bool SocketBuffer::FlushLocked() {
  full_ = false;
  size_t sent = 0;
  while (sent < kept_.size()) {
    const ssize_t size =
        ::send(socket_, kept_.data() + sent, kept_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      sent += size;
    } else if (IsFull(errno)) {
      full_ = true;
      break;
    } else if (errno != EINTR) {
      // What gRPC takes for sent is lost: the connection must not go on without it.
      sent = kept_.size();
      __real_shutdown(socket_, SHUT_RDWR);
    }
  }
  kept_.erase(0, sent);
  return !full_;
}

ssize_t SendPastBuffer(int socket, const msghdr& message, int flags) {
  return __real_sendmsg(socket, &message, flags);
}

}  // namespace predictd::rpc

extern "C" int __wrap_shutdown(int socket, int how) {
  if (auto* const buffer = predictd::rpc::SocketBuffer::Find(socket)) buffer->Close();
  return __real_shutdown(socket, how);
}

extern "C" int __wrap_close(int descriptor) {
  if (auto* const buffer = predictd::rpc::SocketBuffer::Find(descriptor)) buffer->Close();
  return __real_close(descriptor);
}
