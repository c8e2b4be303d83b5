// The floor: a bare asynchronous completion-queue server that answers Predict with a constant. One
// event per Next, no batching, no health service: what gRPC itself costs per call.
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/synchronization/mutex.h"
#include "predictd/v1/predictor.grpc.pb.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "address; port 0 takes a free one");
ABSL_FLAG(int, queues, 1, "queue threads: as many as predictd has event loops");

namespace {

using predictd::v1::PredictRequest;
using predictd::v1::PredictResponse;
using Service = predictd::v1::Predictor::AsyncService;

// One call; deletes itself after its answer.
class Call {
 public:
  Call(Service& service, grpc::ServerCompletionQueue& queue) : service_(service), queue_(queue) {
    service_.RequestPredict(&context_, &request_, &responder_, &queue_, &queue_, this);
  }

  void Proceed(bool ok) {
    if (answered_ || !ok) {
      delete this;
      return;
    }
    new Call(service_, queue_);
    answered_ = true;
    PredictResponse response;
    response.add_outputs(0.5F);
    response.set_model("floor");
    response.set_version("1");
    response.set_feature_origin(predictd::v1::FEATURE_ORIGIN_LOCAL_CACHE);
    response.set_request_id(request_.request_id());
    responder_.Finish(response, grpc::Status::OK, this);
  }

 private:
  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  PredictRequest request_;
  grpc::ServerAsyncResponseWriter<PredictResponse> responder_{&context_};
  bool answered_ = false;
};

// Calls that wait to be taken on each queue.
constexpr int kWaitingCalls = 64;

void Serve(Service& service, grpc::ServerCompletionQueue& queue) {
  for (int i = 0; i < kWaitingCalls; ++i) new Call(service, queue);
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<Call*>(tag)->Proceed(ok);
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  absl::ParseCommandLine(argc, argv);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  const std::string address = absl::GetFlag(FLAGS_listen);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < absl::GetFlag(FLAGS_queues); ++i) {
    queues.push_back(builder.AddCompletionQueue());
  }
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::fprintf(stderr, "bench_floor: --listen: cannot listen on %s\n", address.c_str());
    return 1;
  }
  std::printf("listening grpc %s:%d\n", address.substr(0, address.rfind(':')).c_str(), port);
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (const auto& queue : queues) {
    threads.emplace_back([&service, &queue] { Serve(service, *queue); });
  }
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  server->Shutdown();
  for (const auto& queue : queues) queue->Shutdown();
  for (std::thread& thread : threads) thread.join();
  return 0;
}
