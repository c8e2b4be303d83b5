#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/commands.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/status_text.h"
#include "client/text.h"
#include "grpc/health/v1/health.grpc.pb.h"

ABSL_FLAG(absl::Duration, wait, absl::Seconds(60),
          "Longest time for `predict wait`; inf = for ever");

namespace predictd::client {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

struct Health {
  bool serving = false;
  std::string why_not;
};

std::string Subject(const Connection& connection, const std::string& service) {
  return service.empty() ? connection.server
                         : absl::StrCat("'", service, "' at ", connection.server);
}

Health Check(const Connection& connection, const std::string& service, absl::Duration timeout) {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  HealthCheckRequest request;
  request.set_service(service);
  HealthCheckResponse reply;
  const grpc::Status status =
      grpc::health::v1::Health::NewStub(connection.channel)->Check(&context, request, &reply);
  if (!status.ok()) return {false, ExplainFailure(status, connection.server, timeout)};
  if (reply.status() == HealthCheckResponse::SERVING) return {true, ""};
  return {false, absl::StrCat(Subject(connection, service), " is ",
                              HealthCheckResponse::ServingStatus_Name(reply.status()),
                              "; 'predict models' says why")};
}

std::string ServiceOf(const Arguments& arguments) { return arguments.empty() ? "" : arguments[0]; }

}  // namespace

int RunHealth(const Arguments& arguments) {
  const auto connection = Connect();
  if (!connection.ok()) return UsageError(connection.status().message());
  const std::string service = ServiceOf(arguments);
  const Health health = Check(*connection, service, connection->timeout);
  if (!health.serving) return Fail(health.why_not);
  std::puts("SERVING");
  return kExitOk;
}

int RunWait(const Arguments& arguments) {
  const std::string service = ServiceOf(arguments);
  const absl::Duration limit = absl::GetFlag(FLAGS_wait);
  const absl::Time start = absl::Now();
  // The shortest time that a check of a busy server should get.
  constexpr absl::Duration kShortest = absl::Milliseconds(100);
  while (true) {
    // A channel that was refused once waits for seconds before it tries again: each check has its
    // own.
    const auto connection = Connect();
    if (!connection.ok()) return UsageError(connection.status().message());
    const absl::Duration left = start + limit - absl::Now();
    const Health health =
        Check(*connection, service, std::min(std::max(left, kShortest), connection->timeout));
    if (health.serving) {
      std::printf("%s serves after %s\n", Subject(*connection, service).c_str(),
                  FormatBrief(absl::Now() - start).c_str());
      return kExitOk;
    }
    if (absl::Now() - start >= limit) {
      return Fail(absl::StrCat("gave up after ", absl::FormatDuration(limit),
                               " (--wait): ", health.why_not));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
}

}  // namespace predictd::client
