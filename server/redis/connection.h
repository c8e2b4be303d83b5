// One socket to Redis that never blocks: commands gather in a buffer, replies come out whole.
// Knows nothing of who waits for what.
#ifndef PREDICTD_SERVER_REDIS_CONNECTION_H_
#define PREDICTD_SERVER_REDIS_CONNECTION_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/redis/endpoint.h"
#include "server/redis/protocol.h"

namespace predictd::redis {

// One thread. Errors are UNAVAILABLE (the connection is lost) or DATA_LOSS (unreadable replies);
// after one the connection is of no more use, and its owner lets it go.
class Connection {
 public:
  // Most bytes that one call of Fill reads.
  static constexpr size_t kReadSize = 64 << 10;

  // Starts to connect.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Endpoint& endpoint);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }

  // Whether it is connected; nothing while that is not known yet.
  std::optional<absl::Status> Connected() const;

  void Append(absl::Span<const absl::string_view> arguments) { AppendCommand(arguments, output_); }
  size_t unwritten() const { return output_.size() - written_; }
  // Writes what is left, with one system call, as far as the socket takes it.
  absl::Status Write();

  // Reads what is there, with one system call; returns the number of bytes, 0 when there is none.
  // Then call Next until it returns nothing.
  absl::StatusOr<size_t> Fill();
  std::optional<Reply> Next() { return reader_.Next(); }
  const absl::Status& reader_status() const { return reader_.status(); }

 private:
  explicit Connection(int socket);

  const int socket_;
  std::string output_;
  size_t written_ = 0;  // of output_
  ReplyReader reader_;
  const std::unique_ptr<char[]> input_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_CONNECTION_H_
