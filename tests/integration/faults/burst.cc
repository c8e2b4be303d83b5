#include "tests/integration/faults/burst.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <queue>
#include <thread>
#include <utility>

#include "absl/time/clock.h"

namespace predictd::integration {
namespace {

struct Pending {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PredictResponse>> reader;
  absl::Time sent;
};

// What the sending thread has to do next: send the call of this number, or cancel it.
using Deed = std::pair<absl::Time, int>;
using Agenda = std::priority_queue<Deed, std::vector<Deed>, std::greater<>>;

}  // namespace

std::vector<BurstCall> RunBurst(v1::Predictor::Stub& stub, const BurstOptions& options) {
  std::vector<BurstCall> calls(options.calls);
  std::vector<Pending> pending(options.calls);
  grpc::CompletionQueue queue;
  std::thread collector([&] {
    for (int i = 0; i < options.calls; ++i) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue.Next(&tag, &ok)) break;
      const auto number = static_cast<int>(reinterpret_cast<intptr_t>(tag));
      calls[number].took = absl::Now() - pending[number].sent;
    }
  });

  const absl::Time start = absl::Now();
  const absl::Duration gap =
      options.per_second > 0 ? absl::Seconds(1) / options.per_second : absl::ZeroDuration();
  Agenda cancels;
  const auto cancel_until = [&](absl::Time until) {
    while (!cancels.empty() && cancels.top().first <= until) {
      absl::SleepFor(cancels.top().first - absl::Now());
      pending[cancels.top().second].context.TryCancel();
      cancels.pop();
    }
  };
  for (int i = 0; i < options.calls; ++i) {
    cancel_until(start + i * gap);
    absl::SleepFor(start + i * gap - absl::Now());
    v1::PredictRequest request;
    options.request(i, request);
    Pending& call = pending[i];
    call.sent = absl::Now();
    call.context.set_deadline(absl::ToChronoTime(call.sent + options.deadline));
    call.reader = stub.AsyncPredict(&call.context, request, &queue);
    call.reader->Finish(&calls[i].response, &calls[i].status,
                        reinterpret_cast<void*>(static_cast<intptr_t>(i)));
    const absl::Duration patience =
        options.cancel_after ? options.cancel_after(i) : absl::InfiniteDuration();
    if (patience != absl::InfiniteDuration()) cancels.emplace(call.sent + patience, i);
  }
  cancel_until(absl::InfiniteFuture());
  collector.join();
  queue.Shutdown();
  return calls;
}

}  // namespace predictd::integration
