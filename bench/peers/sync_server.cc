// A peer: the gRPC server one writes by hand in C++. Synchronous, a thread per call in flight, a
// blocking read of the packed row from Redis, the model run on that one row.
#include <grpcpp/grpcpp.h>
#include <hiredis/hiredis.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/synchronization/mutex.h"
#include "bench/frozen_module.h"
#include "predictd/v1/predictor.grpc.pb.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "address; port 0 takes a free one");
ABSL_FLAG(std::string, redis, "", "Redis' Unix socket");
ABSL_FLAG(std::string, model, "", "model.pt, which takes one tensor of rows");
ABSL_FLAG(std::vector<std::string>, columns, {}, "names of a packed row's values, in order");
ABSL_FLAG(std::vector<std::string>, features, {}, "names of the model's, in order");

namespace {

using predictd::v1::PredictRequest;
using predictd::v1::PredictResponse;

// Fingerprint and time, before a packed row's values.
constexpr size_t kHeaderBytes = 16;

// Connections outlive calls: gRPC ends a thread once its call is answered and enough others wait,
// so that connections of threads would be opened anew all the time.
class RedisPool {
 public:
  explicit RedisPool(std::string socket) : socket_(std::move(socket)) {}

  // The value of a key, empty where there is none or Redis cannot be asked.
  std::string Get(const std::string& key) {
    Connection connection = Take();
    if (connection == nullptr) connection.reset(redisConnectUnix(socket_.c_str()));
    if (connection == nullptr || connection->err != 0) return "";
    const std::unique_ptr<redisReply, void (*)(void*)> reply(
        static_cast<redisReply*>(redisCommand(connection.get(), "GET %b", key.data(), key.size())),
        freeReplyObject);
    if (reply == nullptr) return "";
    const absl::MutexLock lock(&mutex_);
    idle_.push_back(std::move(connection));
    return reply->type == REDIS_REPLY_STRING ? std::string(reply->str, reply->len) : "";
  }

 private:
  struct Close {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  using Connection = std::unique_ptr<redisContext, Close>;

  Connection Take() {
    const absl::MutexLock lock(&mutex_);
    if (idle_.empty()) return nullptr;
    Connection connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  const std::string socket_;
  absl::Mutex mutex_;
  std::vector<Connection> idle_ ABSL_GUARDED_BY(mutex_);
};

class Predictor final : public predictd::v1::Predictor::Service {
 public:
  Predictor(const std::string& model, const std::string& socket,
            const std::vector<std::string>& columns, const std::vector<std::string>& features)
      : module_(model), redis_(socket), row_bytes_(kHeaderBytes + columns.size() * sizeof(float)) {
    for (const std::string& feature : features) {
      const auto column = std::find(columns.begin(), columns.end(), feature);
      TORCH_CHECK(column != columns.end(), "--columns: no ", feature);
      columns_.push_back(column - columns.begin());
    }
  }

  grpc::Status Predict(grpc::ServerContext*, const PredictRequest* request,
                       PredictResponse* response) override {
    const std::string row = redis_.Get("features:" + request->user_id());
    if (row.size() != row_bytes_) return {grpc::StatusCode::NOT_FOUND, "no such user"};
    at::Tensor input = at::empty({1, static_cast<int64_t>(columns_.size())});
    float* value = input.data_ptr<float>();
    for (const size_t column : columns_) {
      std::memcpy(value++, row.data() + kHeaderBytes + column * sizeof(float), sizeof(float));
    }
    response->add_outputs(module_.Run(std::move(input)).item<float>());
    response->set_model("churn");
    response->set_version("1");
    response->set_feature_origin(predictd::v1::FEATURE_ORIGIN_REDIS);
    response->set_request_id(request->request_id());
    return grpc::Status::OK;
  }

 private:
  const predictd::bench::FrozenModule module_;
  RedisPool redis_;
  const size_t row_bytes_;
  std::vector<size_t> columns_;  // of a row, in the model's order
};

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  absl::ParseCommandLine(argc, argv);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Predictor predictor(absl::GetFlag(FLAGS_model), absl::GetFlag(FLAGS_redis),
                      absl::GetFlag(FLAGS_columns), absl::GetFlag(FLAGS_features));
  grpc::ServerBuilder builder;
  int port = 0;
  const std::string address = absl::GetFlag(FLAGS_listen);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&predictor);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::fprintf(stderr, "bench_sync: --listen: cannot listen on %s\n", address.c_str());
    return 1;
  }
  std::printf("listening grpc %s:%d\n", address.substr(0, address.rfind(':')).c_str(), port);
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  server->Shutdown();
  return 0;
}
