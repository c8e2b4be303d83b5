// Server reflection, as grpcurl and its like use it.
#include <grpcpp/generic/generic_stub.h>

#include "tests/catch.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

constexpr char kMethod[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

// One request of the stream, as bytes, and its answer's bytes: the descriptors of reflection itself
// are not generated here.
std::string Ask(PredictdProcess& server, const std::string& request) {
  grpc::GenericStub stub(server.NewChannel());
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  const auto stream = stub.PrepareCall(&context, kMethod, &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto done = [&] { return queue.Next(&tag, &ok) && ok; };
  stream->StartCall(nullptr);
  if (!done()) return "";
  const grpc::Slice slice(request);
  stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  if (!done()) return "";
  grpc::ByteBuffer answer;
  stream->Read(&answer, nullptr);
  if (!done()) return "";
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!answer.Dump(&slices).ok()) return "";
  for (const grpc::Slice& part : slices) {
    bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  stream->WritesDone(nullptr);
  done();
  grpc::Status status;
  stream->Finish(&status, nullptr);
  done();
  CHECK(status.ok());
  return bytes;
}

// A field of text, short enough for a length of one byte.
std::string Field(int number, const std::string& text) {
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(text.size())) + text;
}

TEST_CASE("reflection lists the services and describes them") {
  ModelRepository repository;
  PredictdProcess server({"--models=" + repository.path()});
  const std::string services = Ask(server, Field(7, "*"));
  CHECK(services.find("predictd.v1.Predictor") != std::string::npos);
  CHECK(services.find("inference.GRPCInferenceService") != std::string::npos);
  CHECK(services.find("grpc.health.v1.Health") != std::string::npos);
  const std::string file = Ask(server, Field(4, "predictd.v1.Predictor"));
  CHECK(file.find("PredictStream") != std::string::npos);
  CHECK(file.find("idempotency_key") != std::string::npos);
}

}  // namespace
}  // namespace predictd::integration
