// A session's bytes, however they come, against OpenSSL's own server in memory.
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "server/redis/tls.h"
#include "tests/catch.h"
#include "tests/fakes/certificates.h"

namespace predictd::redis {
namespace {

class TlsServer {
 public:
  TlsServer(const Certificates& files, int version)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), session_(nullptr, SSL_free) {
    SSL_CTX_use_PrivateKey_file(context_.get(), files.File("ours.key").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_certificate_chain_file(context_.get(), files.File("ours.pem").c_str());
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    session_.reset(SSL_new(context_.get()));
    SSL_set_bio(session_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(session_.get());
  }

  // What it answers to these bytes.
  std::string Take(const std::string& bytes) {
    BIO_write(SSL_get_rbio(session_.get()), bytes.data(), static_cast<int>(bytes.size()));
    char plaintext[1 << 16];
    int count = 0;
    while ((count = SSL_read(session_.get(), plaintext, sizeof(plaintext))) > 0) {
      received_.append(plaintext, static_cast<size_t>(count));
    }
    return Sent();
  }
  std::string Say(const std::string& plaintext) {
    SSL_write(session_.get(), plaintext.data(), static_cast<int>(plaintext.size()));
    return Sent();
  }
  std::string Close() {
    SSL_shutdown(session_.get());
    return Sent();
  }

  const std::string& received() const { return received_; }
  bool closed() const { return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  std::string Sent() {
    BIO* const out = SSL_get_wbio(session_.get());
    std::string bytes(BIO_ctrl_pending(out), '\0');
    if (!bytes.empty()) BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
  std::string received_;
};

// A client and a server between which nothing is lost.
struct Line {
  explicit Line(int version = TLS1_3_VERSION) : server(files, version) {
    const auto context = TlsContext::Create({.ca = files.File("ours-ca.pem")});
    client = (*context)->NewSession("localhost").value();
  }

  // Hands over the bytes in pieces of `piece`.
  bool ShakeHands(size_t piece) {
    std::string to_server, to_client;
    absl::StatusOr<bool> done = client->Handshake("", to_server);
    while (done.ok() && !*done) {
      to_client += Deliver(std::exchange(to_server, ""), piece);
      if (to_client.empty()) return false;
      done = client->Handshake(to_client.substr(0, piece), to_server);
      to_client.erase(0, piece);
    }
    // What followed it is still to be read.
    pending = to_client + Deliver(to_server, piece);
    return done.ok();
  }
  std::string Deliver(const std::string& to_server, size_t piece) {
    std::string answer;
    for (size_t at = 0; at < to_server.size(); at += piece) {
      answer += server.Take(to_server.substr(at, piece));
    }
    return answer;
  }

  // All that the client makes of the bytes, or the error that it ends with.
  absl::StatusOr<std::string> Read(const std::string& bytes, size_t piece = 1 << 16) {
    std::string text;
    std::string room(1 << 17, '\0');
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const auto count = client->Decrypt(bytes.substr(at, piece), absl::MakeSpan(room), to_send);
      if (!count.ok()) return count.status();
      text.append(room, 0, *count);
    }
    return text;
  }

  const Certificates files;
  TlsServer server;
  std::unique_ptr<TlsSession> client;
  std::string pending;
  std::string to_send;  // by the client, since the handshake
};

TEST_CASE("bytes that come one at a time make the same session") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const size_t piece = GENERATE(1, 7, 1 << 16);
  Line line(version);
  REQUIRE(line.ShakeHands(piece));
  CHECK(line.Read(line.pending, piece).value() == "");
  const std::string command(40000, 'c');
  const std::string reply(50000, 'r');
  REQUIRE(line.client->Encrypt(command, line.to_send).ok());
  CHECK(line.Deliver(line.to_send, piece) == "");
  CHECK(line.server.received() == command);
  CHECK(line.Read(line.server.Say(reply), piece).value() == reply);
}

TEST_CASE("what came before the server's goodbye is read, then the session is closed") {
  Line line;
  REQUIRE(line.ShakeHands(1 << 16));
  std::string bytes = line.pending + line.server.Say("last words");
  bytes += line.server.Close();
  CHECK(line.Read(bytes).value() == "last words");
  std::string room(100, '\0');
  const auto after = line.client->Decrypt("", absl::MakeSpan(room), line.to_send);
  CHECK(absl::IsUnavailable(after.status()));
  CHECK(after.status().message() == "closed by the server");
}

TEST_CASE("the client's goodbye reaches the server behind what was sent") {
  Line line;
  REQUIRE(line.ShakeHands(1 << 16));
  REQUIRE(line.client->Encrypt("command", line.to_send).ok());
  line.client->Close(line.to_send);
  line.Deliver(line.to_send, 1 << 16);
  CHECK(line.server.received() == "command");
  CHECK(line.server.closed());
}

TEST_CASE("bytes that were changed on the way end the session, and the server is told") {
  Line line;
  REQUIRE(line.ShakeHands(1 << 16));
  REQUIRE(line.Read(line.pending).ok());
  std::string bytes = line.server.Say("a reply");
  bytes.back() ^= 1;
  const auto read = line.Read(bytes);
  CHECK(absl::IsUnavailable(read.status()));
  CHECK(absl::StrContains(read.status().message(), "TLS: "));
  CHECK_FALSE(line.to_send.empty());
  CHECK_FALSE(line.Read(line.server.Say("more")).ok());
}

TEST_CASE("a server that speaks something else is refused") {
  Line line;
  std::string to_send;
  REQUIRE(line.client->Handshake("", to_send).ok());
  const auto done = line.client->Handshake("-ERR unknown command\r\n", to_send);
  CHECK(absl::IsUnavailable(done.status()));
  CHECK(absl::StrContains(done.status().message(), "TLS: "));
}

TEST_CASE("a host that no certificate can name gets no session, rather than one unverified") {
  const auto context = TlsContext::Create({});
  const auto host =
      GENERATE(std::string(), std::string("a\0b", 3), std::string(300, 'x'), std::string(1, '\0'));
  CHECK(absl::IsUnavailable((*context)->NewSession(host).status()));
  CHECK((*context)->NewSession("::1").ok());
}

TEST_CASE("a file that is not what it should be is named with its flag") {
  const Certificates files;
  const std::string ca = files.File("ours-ca.pem");
  const std::string cert = files.File("ours.pem");
  const std::string key = files.File("ours.key");
  struct Wrong {
    TlsFiles given;
    std::string flag;
    std::string file;
  };
  const std::vector<Wrong> all = {
      {{.ca = files.File("none")}, "--feature_cache_ca: ", files.File("none")},
      {{.ca = key}, "--feature_cache_ca: ", key},
      {{.cert = cert}, "--feature_cache_key", ""},
      {{.key = key}, "--feature_cache_cert", ""},
      {{.cert = ca + "x", .key = key}, "--feature_cache_cert: ", ca + "x"},
      {{.cert = key, .key = key}, "--feature_cache_cert: ", key},
      {{.cert = cert, .key = cert}, "--feature_cache_key: ", cert},
      {{.cert = cert, .key = files.File("locked.key")},
       "--feature_cache_key: ",
       files.File("locked.key")},
      {{.cert = cert, .key = files.File("theirs.key")},
       "is not the key of the first certificate in --feature_cache_cert: ",
       cert}};
  for (const Wrong& wrong : all) {
    const auto made = TlsContext::Create(wrong.given);
    INFO(made.status().message());
    CHECK(absl::IsInvalidArgument(made.status()));
    CHECK(absl::StrContains(made.status().message(), wrong.flag + wrong.file));
  }
  CHECK(TlsContext::Create({.ca = ca, .cert = cert, .key = key}).ok());
}

}  // namespace
}  // namespace predictd::redis
