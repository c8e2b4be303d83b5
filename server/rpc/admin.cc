#include "server/rpc/admin.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace predictd::rpc {
namespace {

bool IsLocal(absl::string_view peer) {
  // An IPv4 caller of a socket that listens on IPv6 as well shows up as a mapped address.
  for (const absl::string_view prefix : {"unix:", "ipv4:127.", "ipv6:[::1]:", "ipv6:%5B::1%5D:",
                                         "ipv6:[::ffff:127.", "ipv6:%5B::ffff:127."}) {
    if (absl::StartsWith(peer, prefix)) return true;
  }
  return false;
}

}  // namespace

absl::Status CheckAdmin(AdminAccess access, absl::string_view peer) {
  if (access == AdminAccess::kAll) return absl::OkStatus();
  if (access == AdminAccess::kOff) {
    return absl::PermissionDeniedError("admin calls are off; start predictd with --admin=loopback");
  }
  if (IsLocal(peer)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("admin calls are taken from this machine only, not from ", peer,
                   "; start predictd with --admin=all to take them from anywhere"));
}

}  // namespace predictd::rpc
