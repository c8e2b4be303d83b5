#include "server/rpc/socket_buffer.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

extern "C" ssize_t __real_sendmsg(int socket, const msghdr* message, int flags);

namespace predictd::rpc {
namespace {

// Most that is kept of one socket: hundreds of answers of usual size.
constexpr size_t kMostKept = 16 * 1024;

constexpr size_t kTableSize = 64 * 1024;
std::array<std::atomic<SocketBuffer*>, kTableSize> table;

size_t SizeOf(const msghdr& message) {
  size_t size = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) size += message.msg_iov[i].iov_len;
  return size;
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
  const bool plain = (flags & ~MSG_NOSIGNAL) == 0 && message.msg_controllen == 0;
  MutexLock lock(mutex_);
  const bool fits = plain && !full_ && kept_.size() + size <= kMostKept;
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
  return __real_sendmsg(socket_, &message, flags);
}

bool SocketBuffer::Flush() {
  MutexLock lock(mutex_);
  return FlushLocked();
}

void SocketBuffer::Close() {
  MutexLock lock(mutex_);
  FlushLocked();
  kept_.clear();
  full_ = false;
}

bool SocketBuffer::FlushLocked() {
  size_t sent = 0;
  full_ = false;
  while (sent < kept_.size()) {
    const ssize_t size =
        ::send(socket_, kept_.data() + sent, kept_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      sent += size;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      full_ = true;
      break;
    } else if (errno != EINTR) {
      sent = kept_.size();
    }
  }
  kept_.erase(0, sent);
  return !full_;
}

}  // namespace predictd::rpc
