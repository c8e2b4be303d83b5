#include "tests/integration/faults/load.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace predictd::integration {
namespace {

constexpr absl::Duration kLongestWait = absl::Minutes(1);

}  // namespace

std::unique_ptr<v1::Predictor::Stub> NewStub(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  // gRPC 1.51 reads connect's errno after allocating memory, so that a connection in progress may
  // count as failed: it tries again, but answers calls with UNAVAILABLE for a second.
  channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kLongestWait));
  return v1::Predictor::NewStub(channel);
}

int64_t Load::Result::failed() const {
  int64_t all = 0;
  for (const auto& [code, count] : codes) all += count;
  return all - ok();
}

int64_t Load::Result::Count(grpc::StatusCode code) const {
  const auto found = codes.find(code);
  return found == codes.end() ? 0 : found->second;
}

Load::Load(const std::string& address, Options options) : options_(std::move(options)) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this, address] { Run(address); });
  }
}

void Load::Run(const std::string& address) {
  const auto stub = NewStub(address);
  while (!stop_) {
    v1::PredictRequest request;
    options_.request(next_++, request);
    v1::PredictResponse response;
    grpc::ClientContext context;
    const absl::Time start = absl::Now();
    context.set_deadline(absl::ToChronoTime(start + options_.deadline));
    const grpc::Status status = stub->Predict(&context, request, &response);
    Note(status, request, response, absl::Now() - start);
    ++done_;
    absl::SleepFor(options_.pause);
  }
}

void Load::Note(const grpc::Status& status, const v1::PredictRequest& request,
                const v1::PredictResponse& response, absl::Duration took) {
  std::string problem;
  if (!status.ok()) {
    problem =
        absl::StrCat("code ", static_cast<int>(status.error_code()), ": ", status.error_message());
  } else if (options_.check) {
    problem = options_.check(request, response);
  }
  MutexLock lock(mutex_);
  ++result_.codes[status.error_code()];
  result_.wrong += status.ok() && !problem.empty();
  if (result_.problem.empty()) result_.problem = problem;
  took_.push_back(took);
  if (!response.prediction_id().empty()) {
    result_.prediction_ids.push_back(response.prediction_id());
  }
}

bool Load::WaitFor(int64_t calls) const {
  const int64_t enough = done_ + calls;
  const absl::Time latest = absl::Now() + kLongestWait;
  while (done_ < enough) {
    if (absl::Now() > latest) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

Load::Result Load::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  MutexLock lock(mutex_);
  if (took_.empty()) return result_;
  const auto middle = took_.begin() + static_cast<std::ptrdiff_t>(took_.size() / 2);
  std::nth_element(took_.begin(), middle, took_.end());
  result_.median = *middle;
  result_.longest = *std::max_element(middle, took_.end());
  return result_;
}

}  // namespace predictd::integration
