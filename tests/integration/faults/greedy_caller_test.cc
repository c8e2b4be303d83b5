// Callers who ask for more than their share of memory and threads.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <sys/types.h>

#include <filesystem>
#include <list>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/faults/rig.h"
#include "tests/integration/harness/sanitized.h"

namespace predictd::integration {
namespace {

int Threads(PredictdProcess& predictd) {
  int threads = 0;
  for ([[maybe_unused]] const auto& task :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", predictd.pid(), "/task"))) {
    ++threads;
  }
  return threads;
}

TEST_CASE("What large requests took is not kept by each coroutine that waits for a call") {
  const Rig rig;
  PredictdProcess predictd(rig.Flags());
  REQUIRE(predictd.WaitUntilReady());
  CHECK(predictd.Predict("u1").ok());
  const double memory = predictd.RssBytes();
  const std::string large(3 << 20, 'u');
  for (int i = 0; i < 150; ++i) {
    REQUIRE(predictd.Predict(large).status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  }
  CHECK((kSanitized || predictd.RssBytes() < memory + 150e6));
  CheckSteady(predictd);
}

TEST_CASE("Calls of the reflection service that stay open take no thread each") {
  const Rig rig;
  PredictdProcess predictd(rig.Flags());
  REQUIRE(predictd.WaitUntilReady());
  const int threads = Threads(predictd);
  {
    grpc::GenericStub stub(
        grpc::CreateChannel(predictd.grpc_address(), grpc::InsecureChannelCredentials()));
    grpc::CompletionQueue queue;
    std::list<grpc::ClientContext> contexts;
    std::list<std::unique_ptr<grpc::GenericClientAsyncReaderWriter>> calls;
    const auto next = [&] {
      void* tag = nullptr;
      bool ok = false;
      REQUIRE(queue.Next(&tag, &ok));
    };
    for (int i = 0; i < 200; ++i) {
      calls.push_back(stub.PrepareCall(&contexts.emplace_back(),
                                       "/grpc.reflection.v1alpha.ServerReflection/"
                                       "ServerReflectionInfo",
                                       &queue));
      calls.back()->StartCall(nullptr);
      next();
    }
    REQUIRE(predictd.Predict("u1").ok());
    CHECK(Threads(predictd) < threads + 50);
    std::list<grpc::Status> statuses;
    for (auto& context : contexts) context.TryCancel();
    for (auto& call : calls) call->Finish(&statuses.emplace_back(), nullptr);
    for (size_t i = 0; i < calls.size(); ++i) next();
    queue.Shutdown();
  }
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
