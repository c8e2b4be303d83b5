#include "server/redis/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace predictd::redis {
namespace {

static_assert(TlsSession::kLongestRecord >= SSL3_RT_MAX_PLAIN_LENGTH + SSL3_RT_HEADER_LENGTH);

absl::Status BadFile(absl::string_view flag, absl::string_view path, absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": ", path, " is no readable PEM file with ", what));
}

// Of Debian's package ca-certificates.
constexpr char kSystemAuthorities[] = "/etc/ssl/certs/ca-certificates.crt";

absl::Status LoadAuthorities(SSL_CTX* context, const std::string& ca) {
  if (ca.empty()) {
    // As one file where there is one: of the default folder of files OpenSSL would read some in
    // each handshake, on a loop. Those that are not there trust nobody, which connections then say.
    if (SSL_CTX_load_verify_locations(context, kSystemAuthorities, nullptr) != 1) {
      ERR_clear_error();
      SSL_CTX_set_default_verify_paths(context);
    }
  } else if (SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) != 1) {
    return BadFile("feature_cache_ca", ca, "an authority's certificate");
  }
  return absl::OkStatus();
}

absl::Status LoadIdentity(SSL_CTX* context, const TlsFiles& files) {
  if (files.cert.empty() && files.key.empty()) return absl::OkStatus();
  if (files.cert.empty() || files.key.empty()) {
    return absl::InvalidArgumentError(
        "--feature_cache_cert and --feature_cache_key go together; give both");
  }
  // An empty password, or OpenSSL would ask the terminal for one.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  // Before the certificate, so that a key that does not fit is not one that cannot be read.
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return BadFile("feature_cache_key", files.key, "a private key without a password");
  }
  if (SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) != 1) {
    return BadFile("feature_cache_cert", files.cert, "a certificate");
  }
  if (SSL_CTX_check_private_key(context) == 1) return absl::OkStatus();
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat("--feature_cache_key: ", files.key,
                                                 " is not the key of the first certificate in ",
                                                 "--feature_cache_cert: ", files.cert));
}

// False where no certificate can be checked for that host: then none would be.
bool ExpectHost(SSL* session, const std::string& host) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1) return true;
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return !host.empty() && X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(session, host.c_str()) == 1;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Create(const TlsFiles& files) {
  std::shared_ptr<const TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* const context = made->context_.get();
  if (context == nullptr) return absl::InternalError("OpenSSL has no TLS for --feature_cache");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  PREDICTD_RETURN_IF_ERROR(LoadAuthorities(context, files.ca));
  PREDICTD_RETURN_IF_ERROR(LoadIdentity(context, files));
  return made;
}

absl::StatusOr<std::unique_ptr<TlsSession>> TlsContext::NewSession(const std::string& host) const {
  std::unique_ptr<SSL, TlsSession::Free> session(SSL_new(context_.get()));
  const bool good = session != nullptr && ExpectHost(session.get(), host);
  ERR_clear_error();
  if (!good) {
    return absl::UnavailableError(absl::StrCat("TLS: no certificate can name host '", host, "'"));
  }
  return std::unique_ptr<TlsSession>(new TlsSession(session.release()));
}

void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

TlsSession::TlsSession(ssl_st* session)
    : session_(session), received_(BIO_new(BIO_s_mem())), to_send_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(session, received_, to_send_);
  SSL_set_connect_state(session);
}

absl::StatusOr<bool> TlsSession::Handshake(absl::string_view received, std::string& to_send) {
  Feed(received);
  const int result = SSL_do_handshake(session_.get());
  absl::StatusOr<bool> done = result == 1;
  if (result != 1 && !NeedsMore(result)) done = Broken(result);
  Drain(to_send);
  return done;
}

absl::Status TlsSession::Encrypt(absl::string_view plaintext, std::string& to_send) {
  ERR_clear_error();
  while (!plaintext.empty()) {
    // A record at a time, so that OpenSSL's buffer stays small.
    const size_t piece = std::min<size_t>(plaintext.size(), SSL3_RT_MAX_PLAIN_LENGTH);
    const int result = SSL_write(session_.get(), plaintext.data(), static_cast<int>(piece));
    Drain(to_send);
    if (result <= 0) return Broken(result);
    plaintext.remove_prefix(static_cast<size_t>(result));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> TlsSession::Decrypt(absl::string_view received, absl::Span<char> plaintext,
                                           std::string& to_send) {
  Feed(received);
  size_t count = 0;
  absl::Status error;
  while (count < plaintext.size()) {
    const int result = SSL_read(session_.get(), plaintext.data() + count,
                                static_cast<int>(plaintext.size() - count));
    if (result <= 0) {
      if (!NeedsMore(result)) error = Broken(result);
      break;
    }
    count += static_cast<size_t>(result);
  }
  Drain(to_send);
  // The next call finds the error again.
  if (count == 0 && !error.ok()) return error;
  return count;
}

void TlsSession::Close(std::string& to_send) {
  SSL_shutdown(session_.get());
  ERR_clear_error();
  Drain(to_send);
}

// Only of the server: what is to be sent finds room always.
bool TlsSession::NeedsMore(int result) const {
  return SSL_get_error(session_.get(), result) == SSL_ERROR_WANT_READ;
}

absl::Status TlsSession::Broken(int result) const {
  const bool closed = SSL_get_error(session_.get(), result) == SSL_ERROR_ZERO_RETURN;
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  if (closed) return absl::UnavailableError("closed by the server");
  const long verified = SSL_get_verify_result(session_.get());
  if (verified != X509_V_OK) {
    return absl::UnavailableError(absl::StrCat("TLS: the server's certificate does not verify: ",
                                               X509_verify_cert_error_string(verified)));
  }
  return absl::UnavailableError(
      absl::StrCat("TLS: ", reason == nullptr ? "the session is broken" : reason));
}

void TlsSession::Feed(absl::string_view received) {
  // OpenSSL keeps errors per thread, also those of others.
  ERR_clear_error();
  if (!received.empty()) BIO_write(received_, received.data(), static_cast<int>(received.size()));
}

void TlsSession::Drain(std::string& to_send) {
  const size_t pending = BIO_ctrl_pending(to_send_);
  if (pending == 0) return;
  const size_t before = to_send.size();
  to_send.resize(before + pending);
  BIO_read(to_send_, to_send.data() + before, static_cast<int>(pending));
}

}  // namespace predictd::redis
