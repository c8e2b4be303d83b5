#include "server/rpc/repository_answer.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/async/signal.h"

namespace predictd::rpc {
namespace {

// Of the call and of the work: whichever ends last lets go of it.
struct Wait {
  explicit Wait(Loop& loop) : over(loop) {}

  Signal over;
  std::optional<RepositoryAnswer> answer;
};

Task<void> Work(Task<RepositoryAnswer> work, std::shared_ptr<Wait> wait) {
  RepositoryAnswer answer = co_await std::move(work);
  wait->answer = std::move(answer);
  wait->over.Set();
}

}  // namespace

Task<RepositoryAnswer> AwaitRepository(Call& call, DrainList& drain, Scope& scope,
                                       Task<RepositoryAnswer> work) {
  const auto wait = std::make_shared<Wait>(call.loop());
  const DrainList::Entry on_drain(drain, wait->over);
  call.OnCancel([wait] { wait->over.Set(); });
  scope.Spawn(Work(std::move(work), wait));
  if (!call.cancelled()) co_await wait->over;
  if (wait->answer) co_return *std::move(wait->answer);
  absl::Status gone = call.caller().Check(call.loop().Now(), "the repository answered");
  co_return gone.ok() ? absl::UnavailableError("shutting down") : std::move(gone);
}

}  // namespace predictd::rpc
