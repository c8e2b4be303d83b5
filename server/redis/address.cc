#include "server/redis/address.h"

#include <sys/un.h>

#include <cctype>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace predictd::redis {
namespace {

constexpr int kMostDatabases = 1 << 20;

// Never shows the value: it may hold the password.
absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      what, "; write redis://[user:password@]host[:port][/db] or unix:///path/of/socket"));
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

absl::Status ParseHostAndPort(absl::string_view text, Address& address) {
  absl::string_view port;
  bool has_port = false;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return Bad("the IPv6 address has no closing ']'");
    address.host = std::string(text.substr(1, end - 1));
    port = text.substr(end + 1);
    has_port = !port.empty();
    if (has_port && !absl::ConsumePrefix(&port, ":")) return Bad("after ']' only :port may follow");
  } else {
    const size_t colon = text.find(':');
    address.host = std::string(text.substr(0, colon));
    has_port = colon != absl::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
    if (port.find(':') != absl::string_view::npos) {
      return Bad("an IPv6 address stands in brackets, as in redis://[::1]:6379");
    }
  }
  if (address.host.empty()) return Bad("the host is empty");
  if (address.host.find_first_of(" \t\r\n?#@") != std::string::npos) {
    return Bad("the host has a character that no host name has");
  }
  if (!has_port) return absl::OkStatus();
  const auto number = Number(port, 1, 65535);
  if (!number) return Bad("the port is no number from 1 to 65535");
  address.port = *number;
  return absl::OkStatus();
}

}  // namespace

std::string Address::ToString() const {
  if (!unix_path.empty()) return absl::StrCat("unix://", unix_path);
  const bool bracketed = host.find(':') != std::string::npos;
  return absl::StrCat("redis://", bracketed ? "[" : "", host, bracketed ? "]" : "", ":", port,
                      database == 0 ? "" : absl::StrCat("/", database));
}

absl::StatusOr<Address> ParseAddress(absl::string_view url) {
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
  if (absl::StartsWith(url, "rediss://")) {
    return absl::UnimplementedError(
        "rediss:// (TLS) is not built in; write redis:// or unix:// with the address of a local "
        "TLS tunnel such as stunnel");
  }
  if (!absl::ConsumePrefix(&url, "redis://")) return Bad("the address has no known scheme");

  // The last '@' ends the credentials, so that a password that holds one still works.
  if (const size_t at = url.rfind('@'); at != absl::string_view::npos) {
    if (absl::Status status = ParseCredentials(url.substr(0, at), address); !status.ok()) {
      return status;
    }
    url.remove_prefix(at + 1);
  }
  const size_t slash = url.find('/');
  if (slash != absl::string_view::npos && slash + 1 < url.size()) {
    const auto database = Number(url.substr(slash + 1), 0, kMostDatabases);
    if (!database) return Bad("the database after '/' is no number");
    address.database = *database;
  }
  if (absl::Status status = ParseHostAndPort(url.substr(0, slash), address); !status.ok()) {
    return status;
  }
  return address;
}

}  // namespace predictd::redis
