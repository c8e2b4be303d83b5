// Plain sockets of a test's own.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_SOCKETS_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_SOCKETS_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace predictd::integration {

// A listening socket on a free port of 127.0.0.1. Throws std::runtime_error.
int ListenOnLoopback(int* port);

// One end of a TCP connection; one thread.
class RawConnection {
 public:
  // Connects to "host:port". Throws std::runtime_error.
  explicit RawConnection(const std::string& address);
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  RawConnection& operator=(RawConnection&&) = delete;

  // Returns once all is sent; false where the peer has closed, or takes nothing for a while.
  bool Send(absl::string_view bytes);
  // What came within `longest`, perhaps nothing.
  std::string Receive(absl::Duration longest);
  // True once the peer has closed the connection, waiting up to `longest`; reads what comes.
  bool ClosedWithin(absl::Duration longest);

 private:
  int socket_ = -1;
};

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_SOCKETS_H_
