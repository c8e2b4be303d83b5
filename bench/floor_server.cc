// The floor: a bare asynchronous completion-queue server that answers Predict and ModelInfer with
// constants. One event per Next, no batching, no health service: what gRPC itself costs per call.
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
#include "inference/grpc_service.grpc.pb.h"
#include "predictd/v1/predictor.grpc.pb.h"
#include "server/huge_pages.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "address; port 0 takes a free one");
ABSL_FLAG(int, queues, 1, "queue threads: as many as predictd has event loops");

namespace {

// An event's receiver; deletes itself after its last one.
class Event {
 public:
  virtual void Proceed(bool ok) = 0;

 protected:
  ~Event() = default;
};

struct Predict {
  using Service = predictd::v1::Predictor::AsyncService;
  using Request = predictd::v1::PredictRequest;
  using Response = predictd::v1::PredictResponse;
  static constexpr auto kAccept = &Service::RequestPredict;

  static void Answer(const Request& request, Response& response) {
    response.add_outputs(0.5F);
    response.set_model("floor");
    response.set_version("1");
    response.set_feature_origin(predictd::v1::FEATURE_ORIGIN_LOCAL_CACHE);
    response.set_request_id(request.request_id());
  }
};

struct ModelInfer {
  using Service = inference::GRPCInferenceService::AsyncService;
  using Request = inference::ModelInferRequest;
  using Response = inference::ModelInferResponse;
  static constexpr auto kAccept = &Service::RequestModelInfer;

  static void Answer(const Request& request, Response& response) {
    response.set_id(request.id());
    response.set_model_name("floor");
    response.set_model_version("1");
    auto& output = *response.add_outputs();
    output.set_name("output");
    output.set_datatype("FP32");
    output.add_shape(1);
    output.add_shape(1);
    response.add_raw_output_contents("\0\0\0?", 4);  // 0.5
  }
};

template <typename Rpc>
class Call final : public Event {
 public:
  using Service = typename Rpc::Service;

  Call(Service& service, grpc::ServerCompletionQueue& queue) : service_(service), queue_(queue) {
    (service_.*Rpc::kAccept)(&context_, &request_, &responder_, &queue_, &queue_, this_event());
  }

  void Proceed(bool ok) override {
    if (answered_ || !ok) {
      delete this;
      return;
    }
    new Call(service_, queue_);
    answered_ = true;
    typename Rpc::Response response;
    Rpc::Answer(request_, response);
    responder_.Finish(response, grpc::Status::OK, this_event());
  }

 private:
  void* this_event() { return static_cast<Event*>(this); }

  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  typename Rpc::Request request_;
  grpc::ServerAsyncResponseWriter<typename Rpc::Response> responder_{&context_};
  bool answered_ = false;
};

// Calls that wait to be taken on each queue.
constexpr int kWaitingCalls = 64;

void Serve(Predict::Service& predict, ModelInfer::Service& infer,
           grpc::ServerCompletionQueue& queue) {
  for (int i = 0; i < kWaitingCalls; ++i) {
    new Call<Predict>(predict, queue);
    new Call<ModelInfer>(infer, queue);
  }
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<Event*>(tag)->Proceed(ok);
}

}  // namespace

int main(int argc, char** argv) {
  predictd::UseHugePages();
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  absl::ParseCommandLine(argc, argv);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Predict::Service predict;
  ModelInfer::Service infer;
  grpc::ServerBuilder builder;
  int port = 0;
  const std::string address = absl::GetFlag(FLAGS_listen);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&predict);
  builder.RegisterService(&infer);
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
    threads.emplace_back([&predict, &infer, &queue] { Serve(predict, infer, *queue); });
  }
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  server->Shutdown();
  for (const auto& queue : queues) queue->Shutdown();
  for (std::thread& thread : threads) thread.join();
  return 0;
}
