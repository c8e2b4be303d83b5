// TLS and mutual TLS, with certificates made by openssl.
#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/fakes/certificates.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

std::string Text(const Certificates& files, const std::string& name) {
  return ReadFile(files.File(name));
}

grpc::Status Call(const PredictdProcess& server,
                  const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(server.grpc_address(), credentials, arguments);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListModelsResponse response;
  return v1::Predictor::NewStub(channel)->ListModels(&context, v1::ListModelsRequest(), &response);
}

std::shared_ptr<grpc::ChannelCredentials> Tls(const std::string& roots, const std::string& key = "",
                                              const std::string& certificate = "") {
  return grpc::SslCredentials({roots, key, certificate});
}

TEST_CASE("with --tls_cert calls are encrypted, and a client that trusts another is not served") {
  const Certificates files;
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--tls_cert=" + files.File("ours.pem"),
                          "--tls_key=" + files.File("ours.key")});
  REQUIRE(server.WaitUntilReady());
  const grpc::Status served = Call(server, Tls(Text(files, "ours-ca.pem")));
  INFO(served.error_message());
  CHECK(served.ok());
  CHECK(Call(server, Tls(Text(files, "theirs-ca.pem"))).error_code() == grpc::UNAVAILABLE);
  CHECK(Call(server, grpc::InsecureChannelCredentials()).error_code() == grpc::UNAVAILABLE);
  CHECK(Call(server, Tls(Text(files, "ours-ca.pem"))).ok());
}

TEST_CASE("a key that is not the certificate's, or that needs a password, is refused at once") {
  const Certificates files;
  ModelRepository repository;
  for (const std::string key : {"theirs.key", "locked.key", "ours.pem"}) {
    const auto server =
        StartPredictd({"--models=" + repository.path(), "--tls_cert=" + files.File("ours.pem"),
                       "--tls_key=" + files.File(key)});
    CHECK(server->WaitForExit(kPatience) == 1);
    INFO(server->Stderr());
    CHECK(absl::StrContains(server->Stderr(), "--tls_key: " + files.File(key)));
  }
}

TEST_CASE("a file for --tls_client_ca that holds no certificate is refused at once") {
  const Certificates files;
  ModelRepository repository;
  const auto server = StartPredictd(
      {"--models=" + repository.path(), "--tls_cert=" + files.File("ours.pem"),
       "--tls_key=" + files.File("ours.key"), "--tls_client_ca=" + files.File("ours.key")});
  CHECK(server->WaitForExit(kPatience) == 1);
  CHECK(absl::StrContains(server->Stderr(), "--tls_client_ca: " + files.File("ours.key")));
}

TEST_CASE("with --tls_client_ca only clients with a certificate of that authority are served") {
  const Certificates files;
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path(), "--tls_cert=" + files.File("ours.pem"),
                          "--tls_key=" + files.File("ours.key"),
                          "--tls_client_ca=" + files.File("ours-ca.pem")});
  REQUIRE(server.WaitUntilReady());
  const std::string roots = Text(files, "ours-ca.pem");
  const grpc::Status served =
      Call(server, Tls(roots, Text(files, "ours.key"), Text(files, "ours.pem")));
  INFO(served.error_message());
  CHECK(served.ok());
  CHECK(Call(server, Tls(roots)).error_code() == grpc::UNAVAILABLE);
  CHECK(
      Call(server, Tls(roots, Text(files, "theirs.key"), Text(files, "theirs.pem"))).error_code() ==
      grpc::UNAVAILABLE);
  CHECK(Call(server, grpc::InsecureChannelCredentials()).error_code() == grpc::UNAVAILABLE);
}

}  // namespace
}  // namespace predictd::integration
