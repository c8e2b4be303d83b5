// Where Redis is and how to log in there: the value of --feature_cache.
#ifndef PREDICTD_SERVER_REDIS_ADDRESS_H_
#define PREDICTD_SERVER_REDIS_ADDRESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/redis/tls.h"

namespace predictd::redis {

struct HostAndPort {
  std::string host;
  int port = 6379;

  bool operator==(const HostAndPort&) const = default;
  std::string ToString() const;
};

struct Address {
  std::string host;  // name or number; empty with a Unix socket
  int port = 6379;
  std::string unix_path;
  std::string user;      // empty = the default user
  std::string password;  // empty = no AUTH
  int database = 0;
  // How TLS is spoken, with each server of a cluster; null = it is not.
  std::shared_ptr<const TlsContext> tls;
  // Of a cluster, of which any server may be asked for the others; then `host` is empty. Else none.
  std::vector<HostAndPort> seeds;

  bool is_cluster() const { return !seeds.empty(); }
  // One of the cluster's servers, with the cluster's user, password and TLS.
  Address Node(const HostAndPort& at) const;

  // For logs, without the password.
  std::string ToString() const;
};

// redis://[user:password@]host[:port][/db], redis-cluster://[user:password@]host[:port],...,
// unix:///path; rediss:// and rediss-cluster:// with TLS, which alone reads `files`. Anything else
// is INVALID_ARGUMENT, with a message that names the flag and says what to write instead. User and
// password may be percent-encoded.
absl::StatusOr<Address> ParseAddress(absl::string_view url, const TlsFiles& files = {});

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_ADDRESS_H_
