// Clients that do not speak HTTP/2, or speak it to do harm.
#include <list>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/integration/faults/rig.h"
#include "tests/integration/faults/sockets.h"

namespace predictd::integration {
namespace {

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// Frame types and flags of RFC 9113, section 6.
constexpr char kData = 0;
constexpr char kHeaders = 1;
constexpr char kReset = 3;
constexpr char kSettings = 4;
constexpr char kPing = 6;
constexpr char kContinuation = 9;
constexpr char kEndStream = 1;
constexpr char kEndHeaders = 4;

std::string Frame(char type, char flags, uint32_t stream, absl::string_view payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += type;
  frame += flags;
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return absl::StrCat(frame, payload);
}

std::string Opening() { return absl::StrCat(kPreface, Frame(kSettings, 0, 0, "")); }

// POST / over http, from HPACK's static table.
const std::string kPost = "\x83\x86\x84";

// One whose name is the number'th of HPACK's static table, not kept in the dynamic one.
std::string Header(int number, absl::string_view value) {
  std::string name = number < 15 ? std::string(1, static_cast<char>(number))
                                 : std::string({'\x0f', static_cast<char>(number - 15)});
  return absl::StrCat(name, std::string(1, static_cast<char>(value.size())), value);
}

// What gRPC needs to take it for a call of Predict.
std::string PredictHeaders() {
  constexpr int kAuthority = 1, kPath = 4, kContentType = 31;
  return absl::StrCat("\x83\x86", Header(kPath, "/predictd.v1.Predictor/Predict"),
                      Header(kAuthority, "a"), Header(kContentType, "application/grpc"),
                      absl::string_view("\0\x02te\x08trailers", 13));
}

// `attack` while others make calls: they are not disturbed, and the server is itself afterwards.
template <typename Attack>
void CheckOthersUndisturbed(const Attack& attack) {
  const Rig rig;
  PredictdProcess predictd(rig.Flags());
  REQUIRE(predictd.WaitUntilReady());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(100));
  const double memory = predictd.PeakRssBytes();
  const double descriptors = predictd.Metric("process_open_fds");
  attack(predictd.grpc_address(), [&] { REQUIRE(load.WaitFor(50)); });
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CHECK(predictd.PeakRssBytes() < memory + 300e6);
  // The attackers' connections are gone, and so is what the server had of them.
  CHECK(WaitUntil([&] { return predictd.Metric("process_open_fds") <= descriptors; }));
  CHECK(predictd.Metric(R"(predictd_requests_total{method="Predict",code="OK"})") >= 200);
  CheckSteady(predictd);
}

TEST_CASE("Garbage instead of HTTP/2 disturbs nobody") {
  CheckOthersUndisturbed([](const std::string& address, auto others) {
    std::mt19937 random(9);
    const std::vector<std::string> openings = {"",
                                               "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                               std::string(kPreface.substr(0, 10)),
                                               std::string(kPreface),
                                               Opening(),
                                               "\x16\x03\x01\x02"};
    for (int i = 0; i < 120; ++i) {
      RawConnection connection(address);
      std::string noise(random() % 4096, '\0');
      for (char& byte : noise) byte = static_cast<char>(random());
      connection.Send(absl::StrCat(openings[i % openings.size()], noise));
      if (i % 10 == 0) connection.Receive(absl::Milliseconds(50));
      if (i % 30 == 0) others();
    }
  });
}

TEST_CASE("Hundreds of connections that say nothing, or half a preface, disturb nobody") {
  CheckOthersUndisturbed([](const std::string& address, auto others) {
    std::list<RawConnection> connections;
    for (int i = 0; i < 400; ++i) {
      connections.emplace_back(address);
      if (i % 2 == 0) connections.back().Send(kPreface.substr(0, i % kPreface.size()));
      if (i % 100 == 0) others();
    }
    others();
  });
}

TEST_CASE("Streams that are reset as soon as they are opened disturb nobody") {
  CheckOthersUndisturbed([](const std::string& address, auto others) {
    {
      // They are calls: this one is left alone, and told what its empty request lacks.
      RawConnection connection(address);
      const std::string empty(5, '\0');
      REQUIRE(
          connection.Send(absl::StrCat(Opening(), Frame(kHeaders, kEndHeaders, 1, PredictHeaders()),
                                       Frame(kData, kEndStream, 1, empty))));
      std::string answer;
      CHECK(WaitUntil(
          [&] {
            answer += connection.Receive(absl::Milliseconds(50));
            return answer.find("user_id") != std::string::npos;
          },
          kBound));
    }
    for (int round = 0; round < 4; ++round) {
      RawConnection connection(address);
      std::string bytes = Opening();
      for (uint32_t stream = 1; stream < 4000; stream += 2) {
        bytes += Frame(kHeaders, kEndHeaders, stream, PredictHeaders());
        bytes += Frame(kReset, 0, stream, std::string("\0\0\0\x08", 4));
      }
      connection.Send(bytes);
      others();
      connection.Receive(absl::Milliseconds(50));
    }
  });
}

TEST_CASE("Headers without end, and floods of settings and pings, disturb nobody") {
  CheckOthersUndisturbed([](const std::string& address, auto others) {
    {
      // A literal header whose name and value claim to be longer than any frame.
      RawConnection connection(address);
      connection.Send(Opening() +
                      Frame(kHeaders, 0, 1, kPost + std::string("\x00\x7f\xff\xff\x7f", 5)));
      for (int i = 0; i < 2000; ++i) {
        if (!connection.Send(Frame(kContinuation, 0, 1, std::string(16384, 'a')))) break;
      }
      others();
    }
    {
      RawConnection connection(address);
      std::string bomb = kPost;
      // Indexed again and again: one byte each stands for a long header.
      absl::StrAppend(&bomb, absl::string_view("\x40\x01", 2), "a",
                      absl::string_view("\x7f\x81\x1e", 3), std::string(4000, 'b'));
      bomb += std::string(12000, '\xbe');
      connection.Send(Opening());
      for (uint32_t stream = 1; stream < 200; stream += 2) {
        if (!connection.Send(Frame(kHeaders, kEndHeaders, stream, bomb))) break;
      }
      others();
    }
    {
      RawConnection connection(address);
      connection.Send(Opening());
      const std::string settings = Frame(kSettings, 0, 0, "");
      const std::string ping = Frame(kPing, 0, 0, "12345678");
      for (int i = 0; i < 20000; ++i) {
        if (!connection.Send(settings + ping)) break;
      }
      others();
    }
  });
}

TEST_CASE("A server without a descriptor left refuses connections and serves those it has") {
  const Rig rig;
  ChildProcess::Options options;
  options.limits = {{RLIMIT_NOFILE, 96}};
  PredictdProcess predictd(rig.Flags(), options);
  REQUIRE(predictd.WaitUntilReady());
  REQUIRE(predictd.Predict("u1").ok());
  Load load(predictd.grpc_address(), OwnRowLoad());
  REQUIRE(load.WaitFor(100));
  {
    std::list<RawConnection> connections;
    for (int i = 0; i < 200; ++i) connections.emplace_back(predictd.grpc_address());
    REQUIRE(WaitUntil([&] { return LogLines(predictd, "connections are refused") == 1; }));
    REQUIRE(load.WaitFor(100));
    // What is kept back serves the HTTP side.
    CHECK(predictd.HttpGet("/healthz").code == 200);
  }
  CHECK(WaitUntil([&] {
    const auto channel =
        grpc::CreateChannel(predictd.grpc_address(), grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListModelsResponse response;
    return v1::Predictor::NewStub(channel)->ListModels(&context, {}, &response).ok();
  }));
  CHECK(LogLines(predictd, "connections are taken again") == 1);
  REQUIRE(load.WaitFor(100));
  CheckUndisturbed(load.Stop());
  CheckSteady(predictd);
}

}  // namespace
}  // namespace predictd::integration
