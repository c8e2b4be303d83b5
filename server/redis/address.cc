#include "server/redis/address.h"

#include <sys/un.h>

#include <cctype>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/redis/tls.h"

namespace predictd::redis {
namespace {

constexpr int kMostDatabases = 1 << 20;

// Never shows the value: it may hold the password.
absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--feature_cache: ", what,
      "; write redis://[user:password@]host[:port][/db], "
      "redis-cluster://[user:password@]host[:port],host[:port],... or unix:///path/of/socket; with "
      "TLS rediss:// or rediss-cluster://"));
}

std::optional<int> HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

std::optional<std::string> PercentDecoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = HexDigit(text[i + 1]);
    const auto low = HexDigit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

// A plain decimal number without sign or space.
std::optional<int> Number(absl::string_view text, int least, int most) {
  int value = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(text, &value) || value < least || value > most) {
    return std::nullopt;
  }
  return value;
}

absl::Status ParseCredentials(absl::string_view text, Address& address) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) {
    return Bad("the part before '@' needs a user and a password, or :password alone");
  }
  const auto user = PercentDecoded(text.substr(0, colon));
  const auto password = PercentDecoded(text.substr(colon + 1));
  if (!user || !password) {
    return Bad("the user or password has a '%' that is no percent-encoding (write %25)");
  }
  if (password->empty()) return Bad("the password before '@' is empty");
  address.user = *user;
  address.password = *password;
  return absl::OkStatus();
}

absl::Status ParseHostAndPort(absl::string_view text, HostAndPort& at) {
  absl::string_view port;
  bool has_port = false;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return Bad("the IPv6 address has no closing ']'");
    at.host = std::string(text.substr(1, end - 1));
    port = text.substr(end + 1);
    has_port = !port.empty();
    if (has_port && !absl::ConsumePrefix(&port, ":")) return Bad("after ']' only :port may follow");
  } else {
    const size_t colon = text.find(':');
    at.host = std::string(text.substr(0, colon));
    has_port = colon != absl::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
    if (port.find(':') != absl::string_view::npos) {
      return Bad("an IPv6 address stands in brackets, as in redis://[::1]:6379");
    }
  }
  if (at.host.empty()) return Bad("the host is empty");
  if (at.host.find_first_of(" \t\r\n?#@") != std::string::npos) {
    return Bad("the host has a character that no host name has");
  }
  if (!has_port) return absl::OkStatus();
  const auto number = Number(port, 1, 65535);
  if (!number) return Bad("the port is no number from 1 to 65535");
  at.port = *number;
  return absl::OkStatus();
}

// What follows the credentials of redis:// and rediss://.
absl::Status ParseServer(absl::string_view text, Address& address) {
  const size_t slash = text.find('/');
  if (slash != absl::string_view::npos && slash + 1 < text.size()) {
    const auto database = Number(text.substr(slash + 1), 0, kMostDatabases);
    if (!database) return Bad("the database after '/' is no number");
    address.database = *database;
  }
  HostAndPort at;
  const absl::string_view server = text.substr(0, slash);
  if (absl::StrContains(server, ',')) {
    return Bad("this scheme takes one server; several are redis-cluster://");
  }
  if (absl::Status status = ParseHostAndPort(server, at); !status.ok()) return status;
  address.host = std::move(at.host);
  address.port = at.port;
  return absl::OkStatus();
}

// What follows the credentials of redis-cluster:// and rediss-cluster://.
absl::Status ParseSeeds(absl::string_view text, Address& address) {
  absl::ConsumeSuffix(&text, "/");
  if (absl::StrContains(text, '/')) {
    return Bad("a cluster has no numbered databases: leave out what follows '/'");
  }
  for (const absl::string_view seed : absl::StrSplit(text, ',')) {
    HostAndPort& at = address.seeds.emplace_back();
    if (absl::Status status = ParseHostAndPort(seed, at); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

std::string HostAndPort::ToString() const {
  const bool bracketed = absl::StrContains(host, ':');
  return absl::StrCat(bracketed ? "[" : "", host, bracketed ? "]" : "", ":", port);
}

Address Address::Node(const HostAndPort& at) const {
  Address node;
  node.host = at.host;
  node.port = at.port;
  node.user = user;
  node.password = password;
  node.tls = tls;
  return node;
}

std::string Address::ToString() const {
  if (!unix_path.empty()) return absl::StrCat("unix://", unix_path);
  const absl::string_view scheme = tls == nullptr ? "redis" : "rediss";
  if (is_cluster()) {
    const auto append = [](std::string* out, const HostAndPort& at) { *out += at.ToString(); };
    return absl::StrCat(scheme, "-cluster://", absl::StrJoin(seeds, ",", append));
  }
  return absl::StrCat(scheme, "://", HostAndPort{host, port}.ToString(),
                      database == 0 ? "" : absl::StrCat("/", database));
}

absl::StatusOr<Address> ParseAddress(absl::string_view url, const TlsFiles& files) {
  Address address;
  if (absl::ConsumePrefix(&url, "unix://")) {
    if (!absl::StartsWith(url, "/")) return Bad("the path of a Unix socket starts with '/'");
    if (url.size() >= sizeof(sockaddr_un{}.sun_path) || url.find('\0') != absl::string_view::npos) {
      return Bad(absl::StrCat("the path of a Unix socket has at most ",
                              sizeof(sockaddr_un{}.sun_path) - 1, " bytes and no NUL"));
    }
    address.unix_path = std::string(url);
    return address;
  }
  const size_t colon = url.find("://");
  absl::string_view scheme = url.substr(0, colon);
  const bool cluster = absl::ConsumeSuffix(&scheme, "-cluster");
  if (colon == absl::string_view::npos || (scheme != "redis" && scheme != "rediss")) {
    return Bad("the address has no known scheme");
  }
  url.remove_prefix(colon + 3);
  if (scheme == "rediss") {
    auto tls = TlsContext::Create(files);
    if (!tls.ok()) return tls.status();
    address.tls = *std::move(tls);
  }
  // The last '@' ends the credentials, so that a password that holds one still works.
  if (const size_t at = url.rfind('@'); at != absl::string_view::npos) {
    if (absl::Status status = ParseCredentials(url.substr(0, at), address); !status.ok()) {
      return status;
    }
    url.remove_prefix(at + 1);
  }
  absl::Status parsed = cluster ? ParseSeeds(url, address) : ParseServer(url, address);
  if (!parsed.ok()) return parsed;
  return address;
}

}  // namespace predictd::redis
