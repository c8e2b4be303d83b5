// TLS to Redis: whom to trust and what to present, and one connection's share of it. The one file
// of this folder that includes OpenSSL is tls.cc.
#ifndef PREDICTD_SERVER_REDIS_TLS_H_
#define PREDICTD_SERVER_REDIS_TLS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct bio_st;
struct ssl_ctx_st;
struct ssl_st;

namespace predictd::redis {

class TlsSession;

// PEM files; empty = none.
struct TlsFiles {
  std::string ca = {};    // the authorities that are trusted, instead of the system's
  std::string cert = {};  // the client's own, with its chain; goes with `key`
  std::string key = {};   // without a password
};

// What all connections have in common: TLS 1.2 or newer, and a server whose certificate leads to a
// trusted authority and names the host that was asked for. Never changes; any thread.
class TlsContext {
 public:
  // Reads the files, which are not looked at again. An error is one line that names flag and file.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> Create(const TlsFiles& files);

  // For a new connection to `host`, a name or a number; needs the context no more. UNAVAILABLE
  // where no certificate can name such a host.
  absl::StatusOr<std::unique_ptr<TlsSession>> NewSession(const std::string& host) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };

  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  const std::unique_ptr<ssl_ctx_st, Free> context_;
};

// The client's end of one connection, without the socket: bytes of the server go in, bytes for it
// come out, and nothing ever waits. What came is never left inside, so that whoever waits for the
// socket misses nothing. One thread.
//
// Each function appends what has to be sent to `to_send`, after an error too: the server is told
// why. Errors are UNAVAILABLE and end the session.
class TlsSession {
 public:
  // Longest record, in bytes of the protocol.
  static constexpr size_t kLongestRecord = 5 + (16 << 10) + 2048;

  // Goes on with the handshake, of which `received` came since the last call; begins it at the
  // first. True: it is done. The server may refuse this client's certificate only after that.
  absl::StatusOr<bool> Handshake(absl::string_view received, std::string& to_send);

  // After the handshake.
  absl::Status Encrypt(absl::string_view plaintext, std::string& to_send);

  // After the handshake. Returns how much of `plaintext` was filled: 0 where no record is whole
  // yet. All that came is taken where `plaintext` holds at least kLongestRecord more than
  // `received`, which may lie in the same place. An error comes after what was sent before it.
  absl::StatusOr<size_t> Decrypt(absl::string_view received, absl::Span<char> plaintext,
                                 std::string& to_send);

  // Says goodbye, which ends the session.
  void Close(std::string& to_send);

 private:
  friend class TlsContext;
  struct Free {
    void operator()(ssl_st* session) const;
  };

  explicit TlsSession(ssl_st* session);

  bool NeedsMore(int result) const;
  absl::Status Broken(int result) const;
  void Feed(absl::string_view received);
  void Drain(std::string& to_send);

  const std::unique_ptr<ssl_st, Free> session_;
  bio_st* const received_;  // both are the session's
  bio_st* const to_send_;
};

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_TLS_H_
