#include "server/redis/slot_map.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace predictd::redis {
namespace {

constexpr size_t kLongestHost = 255;

absl::Status Unreadable(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("unreadable slot map: ", what));
}

// Empty, '?' and nil stand for a server that does not know its own name: it is where `asked` is.
std::optional<HostAndPort> ReadNode(absl::string_view host, int64_t port,
                                    const HostAndPort& asked) {
  const bool named = !host.empty() && host != "?";
  const auto no_host = [](char c) { return c <= ' ' || c > '~'; };
  if (port < 1 || port > 65535 || host.size() > kLongestHost ||
      std::any_of(host.begin(), host.end(), no_host)) {
    return std::nullopt;
  }
  return HostAndPort{named ? std::string(host) : asked.host, static_cast<int>(port)};
}

}  // namespace

absl::StatusOr<SlotMap> SlotMap::Parse(const ReplyView& reply, const HostAndPort& asked) {
  if (reply.type() == ReplyType::kError) {
    if (absl::StrContains(reply.text(), "cluster support disabled")) {
      return absl::UnavailableError("this server has cluster support disabled: use redis://");
    }
    return absl::UnavailableError(reply.text());
  }
  if (!reply.is_array()) return Unreadable("no array");
  if (reply.size() == 0) return absl::UnavailableError("this server knows of no slots");
  SlotMap map;
  for (size_t i = 0; i < reply.size(); ++i) {
    if (absl::Status added = map.AddRange(reply[i], asked); !added.ok()) return added;
  }
  const auto& owners = map.masters_of_;
  map.complete_ = std::find(owners.begin(), owners.end(), kNobody) == owners.end();
  return map;
}

// [first slot, last slot, [host, port, ...] of the master, those of its replicas ...]
absl::Status SlotMap::AddRange(const ReplyView& range, const HostAndPort& asked) {
  if (range.size() < 3 || range[0].type() != ReplyType::kInteger ||
      range[1].type() != ReplyType::kInteger) {
    return Unreadable("a range is not [first, last, master, ...]");
  }
  const int64_t first = range[0].integer();
  const int64_t last = range[1].integer();
  if (first < 0 || first > last || last >= kSlots) return Unreadable("no such slots");
  const ReplyView master = range[2];
  if (master.size() < 2 || !(master[0].is_string() || master[0].is_nil()) ||
      master[1].type() != ReplyType::kInteger) {
    return Unreadable("a master is not [host, port, ...]");
  }
  const auto node = ReadNode(master[0].text(), master[1].integer(), asked);
  if (!node) return Unreadable("a master has no host or port that can be");
  const size_t index = IndexOf(*node);
  if (index >= kMostNodes) return Unreadable("too many masters");
  std::fill(masters_of_.begin() + first, masters_of_.begin() + last + 1,
            static_cast<uint16_t>(index));
  return absl::OkStatus();
}

size_t SlotMap::IndexOf(const HostAndPort& master) {
  const auto known = std::find(masters_.begin(), masters_.end(), master);
  const auto index = static_cast<size_t>(known - masters_.begin());
  if (known == masters_.end()) masters_.push_back(master);
  return index;
}

size_t SlotMap::Move(int slot, const HostAndPort& master) {
  const size_t index = IndexOf(master);
  masters_of_[static_cast<size_t>(slot)] = static_cast<uint16_t>(index);
  return index;
}

bool IsRedirection(const ReplyView& reply) {
  const absl::string_view code = reply.error_code();
  return code == "MOVED" || code == "ASK";
}

std::optional<Redirection> ParseRedirection(const ReplyView& reply, const HostAndPort& asked) {
  if (!IsRedirection(reply)) return std::nullopt;
  const std::vector<absl::string_view> words = absl::StrSplit(reply.text(), ' ');
  Redirection redirection;
  redirection.ask = words[0] == "ASK";
  if (words.size() < 3 || !absl::SimpleAtoi(words[1], &redirection.slot) || redirection.slot < 0 ||
      redirection.slot >= kSlots) {
    return std::nullopt;
  }
  // The last one: an IPv6 address has others.
  const size_t colon = words[2].rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(words[2].substr(colon + 1), &port)) {
    return std::nullopt;
  }
  auto to = ReadNode(words[2].substr(0, colon), port, asked);
  if (!to) return std::nullopt;
  redirection.to = *std::move(to);
  return redirection;
}

}  // namespace predictd::redis
