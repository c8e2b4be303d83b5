// The part of Repository that answers LoadModel and UnloadModel.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/repository/repository.h"
#include "server/repository/repository_request.h"

namespace predictd::repository {

struct Repository::RequestAwaiter {
  Repository& repository;
  Request& request;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    request.WaitAs(waiting);
    {
      // Under the lock under which the thread answers what is left at its end.
      MutexLock lock(repository.mutex_);
      if (repository.stopping_) return false;
      repository.requests_.push_back(&request);
    }
    repository.wake_.NotifyAll();
    return true;
  }
  absl::StatusOr<AdminResult> await_resume() { return std::move(request.result); }
};

void Repository::Answer(Request& request) {
  request.result = Execute(request);
  request.home.Post(request);
}

absl::StatusOr<AdminResult> Repository::Execute(const Request& request) {
  if (request.model.empty()) {
    return absl::InvalidArgumentError("model: is empty; name the model");
  }
  const auto model = models_.find(request.model);
  if (model == models_.end()) {
    const std::string unreadable = unreadable_.Why(request.model, 0);
    if (!unreadable.empty()) return absl::FailedPreconditionError(unreadable);
    return absl::NotFoundError(absl::StrCat(
        "unknown model '", request.model, "'; known are: ",
        models_.empty() ? "none"
                        : absl::StrJoin(models_, ", ", [](std::string* out, const auto& known) {
                            absl::StrAppend(out, "'", known.first, "'");
                          })));
  }
  auto& versions = model->second.versions;
  const bool load = request.kind == Request::Kind::kLoad;
  auto chosen = std::find_if(versions.begin(), versions.end(), [&](const auto& version) {
    if (request.version.empty()) return !load || version.second.chosen;
    return absl::StrCat(version.first) == request.version;
  });
  if (chosen == versions.end()) {
    if (load && request.version.empty() && !versions.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("model '", request.model, "' has none of the versions that ",
                       model->second.config.path, " has loaded; add one there"));
    }
    if (versions.empty()) {
      return absl::NotFoundError(absl::StrCat("model '", request.model,
                                              "' has no version at all in ", options_.directory));
    }
    return absl::NotFoundError(absl::StrCat(
        "unknown version '", request.version, "' of model '", request.model,
        "'; known are: ", absl::StrJoin(versions, ", ", [](std::string* out, const auto& known) {
          absl::StrAppend(out, known.first);
        })));
  }
  AdminResult result{request.model, {}};
  if (load) {
    auto& [number, entry] = *chosen;
    if (!entry.chosen) {
      return absl::FailedPreconditionError(
          absl::StrCat("model '", request.model, "' version ", number, " is not among the versions",
                       " that ", model->second.config.path, " has loaded; add it there"));
    }
    entry.held = false;
    if (entry.handle == nullptr || entry.pending || entry.failed) {
      LoadOne(request.model, model->second, number, /*final_try=*/true);
      if (stopping_) return absl::UnavailableError("the model was not loaded: shutting down");
      // Also where earlier files serve on.
      if (entry.pending || entry.failed) return absl::FailedPreconditionError(entry.reason);
    }
    // With its share of the traffic, which depends on the other versions.
    result.versions.push_back(Describe(request.model, model->second)
                                  .versions.at(std::distance(versions.begin(), chosen)));
    return result;
  }
  for (auto& [number, entry] : versions) {
    if (!request.version.empty() && number != chosen->first) continue;
    entry.held = true;
    entry.pending = false;
    entry.state = entry.handle == nullptr ? State::kUnloaded : State::kUnloading;
    entry.reason = "unloaded by request";
    metrics_.SetModelReady(request.model, absl::StrCat(number), false);
    Retire(request.model, number, entry);
  }
  Publish();
  ReapRetired();
  for (auto& [number, entry] : versions) {
    if (entry.held && (request.version.empty() || number == chosen->first)) {
      result.versions.push_back(Info(request.model, model->second, number, entry));
    }
  }
  return result;
}

Task<absl::StatusOr<AdminResult>> Repository::Load(Loop& loop, std::string model,
                                                   std::string version) {
  Request request(Request::Kind::kLoad, loop, std::move(model), std::move(version));
  RequestAwaiter answer{*this, request};
  co_return co_await answer;
}

Task<absl::StatusOr<AdminResult>> Repository::Unload(Loop& loop, std::string model,
                                                     std::string version) {
  Request request(Request::Kind::kUnload, loop, std::move(model), std::move(version));
  RequestAwaiter answer{*this, request};
  co_return co_await answer;
}

}  // namespace predictd::repository
