// One socket to Redis that never blocks: commands gather in a buffer, replies come out whole.
// Knows nothing of who waits for what. With TLS where the address says so.
#ifndef PREDICTD_SERVER_REDIS_CONNECTION_H_
#define PREDICTD_SERVER_REDIS_CONNECTION_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/redis/address.h"
#include "server/redis/endpoint.h"
#include "server/redis/protocol.h"
#include "server/redis/tls.h"

namespace predictd::redis {

// One thread. Errors are UNAVAILABLE (the connection is lost) or DATA_LOSS (unreadable replies);
// after one the connection is of no more use, and its owner lets it go.
class Connection {
 public:
  // Most bytes that one call of Fill reads.
  static constexpr size_t kReadSize = 64 << 10;

  // Starts to connect to `endpoint`, which is one of the address'.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Endpoint& endpoint,
                                                          const Address& address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }

  // Goes on connecting, TLS' handshake included, as far as the socket lets it. Nothing while it is
  // not done. Before it is, nothing is written or read.
  std::optional<absl::Status> Connect();

  void Append(absl::Span<const absl::string_view> arguments) {
    AppendCommand(arguments, tls_ == nullptr ? output_ : plaintext_);
  }
  size_t unwritten() const { return output_.size() - written_ + plaintext_.size(); }
  // Whether it goes on when the socket takes bytes, rather than when the socket has some.
  bool waits_to_write() const { return !reached_ || unwritten() > 0; }
  // Writes what is left, with one system call, as far as the socket takes it.
  absl::Status Write();

  // Reads what is there, with one system call; returns the number of bytes, 0 when there is none.
  // Then call Next until it returns nothing. What is left can be waited for at the socket.
  absl::StatusOr<size_t> Fill();
  std::optional<Reply> Next() { return reader_.Next(); }
  const absl::Status& reader_status() const { return reader_.status(); }

 private:
  Connection(int socket, std::unique_ptr<TlsSession> tls);

  std::optional<absl::Status> ConnectSocket();
  std::optional<absl::Status> ConnectTls();
  absl::Status Send();
  absl::StatusOr<size_t> Receive(size_t most);

  const int socket_;
  const std::unique_ptr<TlsSession> tls_;  // null without TLS
  bool reached_ = false;                   // the socket is connected
  bool established_ = false;               // and TLS' handshake is done
  std::string plaintext_;                  // commands that are to be encrypted into output_
  std::string output_;
  size_t written_ = 0;  // of output_
  ReplyReader reader_;
  const std::unique_ptr<char[]> input_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_CONNECTION_H_
