#include "client/load/request_source.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <set>

#include "predictd/v1/predictor.pb.h"
#include "tests/catch.h"

namespace predictd::client {
namespace {

template <typename Message>
Message Parsed(grpc::ByteBuffer bytes) {
  grpc::ProtoBufferReader reader(&bytes);
  Message message;
  REQUIRE(message.ParseFromZeroCopyStream(&reader));
  return message;
}

TEST_CASE("requests put together from slices parse as what they stand for") {
  v1::PredictRequest rest;
  rest.set_model("churn");
  (*rest.mutable_features())["age"] = 31;
  const RequestSource source({"alice", "bob"}, rest.SerializeAsString());
  RandomNumbers random(1);
  std::set<std::string> users;
  for (int i = 0; i < 100; ++i) {
    const auto request = Parsed<v1::PredictRequest>(source.OneUser(random));
    users.insert(request.user_id());
    CHECK(request.model() == "churn");
    CHECK(request.features().at("age") == 31);
    CHECK(request.request_id().empty());
  }
  CHECK(users == std::set<std::string>{"alice", "bob"});
  const auto id = RequestSource::RequestId("17");
  const auto request = Parsed<v1::PredictRequest>(source.OneUser(random, id));
  CHECK(request.request_id() == "17");
  CHECK(users.contains(request.user_id()));
}

TEST_CASE("a batch has the wanted number of users") {
  v1::PredictBatchRequest rest;
  rest.set_version("2");
  const RequestSource source({"alice", "bob"}, rest.SerializeAsString());
  RandomNumbers random(1);
  const auto request = Parsed<v1::PredictBatchRequest>(source.Batch(random, 1000));
  CHECK(request.user_ids_size() == 1000);
  CHECK(request.version() == "2");
  for (const auto& user : request.user_ids()) CHECK((user == "alice" || user == "bob"));
}

TEST_CASE("a range of users has both its ends") {
  CHECK(*UserRange("3:5") == std::vector<std::string>{"3", "4", "5"});
  CHECK(*UserRange("7:7") == std::vector<std::string>{"7"});
  for (const auto* wrong : {"", "5", "5:3", "a:b", "1:2:3", "-1:5", "1:999999999999"}) {
    INFO(wrong);
    CHECK(UserRange(wrong).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("random users are drawn evenly") {
  RandomNumbers random(3);
  std::vector<int> counts(10);
  for (int i = 0; i < 100'000; ++i) ++counts[random.Below(counts.size())];
  for (const int count : counts) CHECK(count == Approx(10'000).epsilon(0.1));
}

}  // namespace
}  // namespace predictd::client
