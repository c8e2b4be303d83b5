#include "server/sql/postgres_options.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace predictd {
namespace {

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

}  // namespace

absl::StatusOr<PostgresOptions> PostgresOptions::Parse(const std::string& uri) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(uri.c_str(), &error), PQconninfoFree);
  // libpq's message repeats parts of the address: it is not shown.
  PQfreemem(error);
  if (parsed == nullptr) return absl::InvalidArgumentError("not an address that libpq can read");
  PostgresOptions options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options.values_.emplace_back(option->keyword, option->val);
  }
  const auto text = [&options](const char* keyword, absl::string_view before) {
    const std::string* const value = options.Find(keyword);
    return value == nullptr || value->empty() ? "" : absl::StrCat(before, *value);
  };
  const std::string host = text("host", "");
  options.shown_ = absl::StrCat("postgresql://", host.empty() ? text("hostaddr", "") : host,
                                text("port", ":"), text("dbname", "/"));
  return options;
}

pg_conn* PostgresOptions::Start(size_t attempt) const {
  std::vector<std::string> rotated;
  rotated.reserve(values_.size());
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  // Of what stands twice, libpq takes the last.
  keywords.push_back("fallback_application_name");
  values.push_back("predictd");
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

const std::string* PostgresOptions::Find(const char* keyword) const {
  for (const auto& [name, value] : values_) {
    if (name == keyword) return &value;
  }
  return nullptr;
}

}  // namespace predictd
