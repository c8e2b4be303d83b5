// How long a call waits for the repository: no longer than its caller does.
#ifndef PREDICTD_SERVER_RPC_REPOSITORY_ANSWER_H_
#define PREDICTD_SERVER_RPC_REPOSITORY_ANSWER_H_

#include "absl/status/statusor.h"
#include "server/async/scope.h"
#include "server/async/task.h"
#include "server/repository/repository.h"
#include "server/rpc/call.h"
#include "server/rpc/drain_list.h"

namespace predictd::rpc {

using RepositoryAnswer = absl::StatusOr<repository::AdminResult>;

// What `work`, a task of the repository on the call's loop, comes to. CANCELLED or
// DEADLINE_EXCEEDED once the caller has gone, UNAVAILABLE once `drain` is told: the work then goes
// on in `scope`. All outlive it.
Task<RepositoryAnswer> AwaitRepository(Call& call, DrainList& drain, Scope& scope,
                                       Task<RepositoryAnswer> work);

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_REPOSITORY_ANSWER_H_
