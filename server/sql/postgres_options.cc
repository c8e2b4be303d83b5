#include "server/sql/postgres_options.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace predictd {
namespace {

// What the address may change: a server whose machine is gone, or whose packets are lost, is
// noticed within seconds.
constexpr std::array<std::pair<const char*, const char*>, 5> kDefaults = {
    {{"fallback_application_name", "predictd"},
     {"keepalives_idle", "10"},
     {"keepalives_interval", "5"},
     {"keepalives_count", "3"},
     {"tcp_user_timeout", "15000"}}};

// Lists of one length that libpq reads side by side.
bool IsHostList(const std::string& keyword) {
  return keyword == "host" || keyword == "hostaddr" || keyword == "port";
}

std::string Rotated(const std::string& list, size_t by) {
  std::vector<std::string> parts = absl::StrSplit(list, ',');
  std::rotate(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(by % parts.size()),
              parts.end());
  return absl::StrJoin(parts, ",");
}

bool AreNumbers(absl::string_view list) {
  return std::all_of(list.begin(), list.end(),
                     [](char c) { return absl::ascii_isdigit(c) || c == ','; });
}

// An "@" at the front is a Unix socket without a file.
bool AreHosts(absl::string_view list) {
  for (const absl::string_view host : absl::StrSplit(list, ',')) {
    if (absl::StrContains(host.substr(std::min<size_t>(1, host.size())), '@')) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<PostgresOptions> PostgresOptions::Parse(const std::string& uri) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(uri.c_str(), &error), PQconninfoFree);
  // libpq's message repeats parts of the address: it is not shown.
  PQfreemem(error);
  if (parsed == nullptr || absl::StrContains(uri, '\0')) {
    return absl::InvalidArgumentError("not an address that libpq can read");
  }
  PostgresOptions options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options.values_.emplace_back(option->keyword, option->val);
  }
  const std::string host = options.Get("host");
  const std::string hostaddr = options.Get("hostaddr");
  const std::string port = options.Get("port");
  const std::string database = options.Get("dbname");
  // To libpq a password ends at its first "@", and one with a "/" is a port and a database: what is
  // to be shown would be the rest of it.
  if (!AreHosts(host) || !AreHosts(hostaddr) || !AreNumbers(port) ||
      absl::StrContains(database, '@')) {
    return absl::InvalidArgumentError(
        "the address falls apart into no host, port and database; write / and @ of a password as "
        "%2F and %40");
  }
  options.shown_ =
      absl::StrCat("postgresql://", host.empty() ? hostaddr : host, port.empty() ? "" : ":", port,
                   database.empty() ? "" : "/", database);
  return options;
}

pg_conn* PostgresOptions::Start(size_t attempt) const {
  std::vector<std::string> rotated;
  rotated.reserve(values_.size());
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  // Of what stands twice, libpq takes the last.
  for (const auto& [keyword, value] : kDefaults) {
    keywords.push_back(keyword);
    values.push_back(value);
  }
  for (const auto& [keyword, value] : values_) {
    keywords.push_back(keyword.c_str());
    values.push_back(IsHostList(keyword) ? rotated.emplace_back(Rotated(value, attempt)).c_str()
                                         : value.c_str());
  }
  keywords.push_back("client_encoding");
  values.push_back("UTF8");
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(keywords.data(), values.data(), 0);
}

std::string PostgresOptions::Get(absl::string_view keyword) const {
  for (const auto& [name, value] : values_) {
    if (name == keyword) return value;
  }
  return "";
}

}  // namespace predictd
