// An admin call on its way to the repository's thread and back. Private to Repository.
#ifndef PREDICTD_SERVER_REPOSITORY_REPOSITORY_REQUEST_H_
#define PREDICTD_SERVER_REPOSITORY_REPOSITORY_REQUEST_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/async/loop.h"
#include "server/repository/repository.h"

namespace predictd::repository {

// An admin call that waits in its coroutine's frame.
struct Repository::Request : Resumption {
  enum class Kind { kLoad, kUnload };
  Kind kind;
  std::string model;
  std::string version;
  Loop& home;
  absl::StatusOr<AdminResult> result = absl::UnavailableError("shutting down");

  Request(Kind request_kind, Loop& loop, std::string model_name, std::string version_name)
      : kind(request_kind),
        model(std::move(model_name)),
        version(std::move(version_name)),
        home(loop) {}
  using Resumption::WaitAs;
};

}  // namespace predictd::repository

#endif  // PREDICTD_SERVER_REPOSITORY_REPOSITORY_REQUEST_H_
