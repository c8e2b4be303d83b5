#include "server/redis/protocol.h"

#include <random>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace predictd::redis {
namespace {

TEST_CASE("a command is formatted with the lengths of its arguments, whatever bytes they hold") {
  std::string out;
  AppendCommand({"GET", absl::string_view("a\0\r\nb", 5), ""}, out);
  CHECK(out == std::string("*3\r\n$3\r\nGET\r\n$5\r\na\0\r\nb\r\n$0\r\n\r\n", 30));
}

TEST_CASE("every type of reply is read") {
  ReplyReader reader;
  reader.Feed(
      "+OK\r\n-ERR no such thing\r\n:-42\r\n$3\r\na\rb\r\n$-1\r\n*3\r\n$1\r\nx\r\n$-1\r\n:7\r\n");
  CHECK(reader.Next()->text() == "OK");
  const auto error = reader.Next();
  CHECK(error->type() == ReplyType::kError);
  CHECK(error->error_code() == "ERR");
  CHECK(error->text() == "ERR no such thing");
  CHECK(reader.Next()->integer() == -42);
  const auto text = reader.Next();
  CHECK(text->is_string());
  CHECK(text->text() == "a\rb");
  CHECK(text->integer() == 0);
  CHECK(text->error_code().empty());
  CHECK(reader.Next()->is_nil());
  const auto array = reader.Next();
  REQUIRE(array->is_array());
  REQUIRE(array->size() == 3);
  CHECK((*array)[0].text() == "x");
  CHECK((*array)[1].is_nil());
  CHECK((*array)[2].integer() == 7);
  CHECK_FALSE(reader.Next().has_value());
  CHECK(reader.status().ok());
}

TEST_CASE("replies are the same however their bytes are cut") {
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    const std::string value(static_cast<size_t>(i * 37 % 9000), static_cast<char>('a' + i % 26));
    bytes += "*2\r\n:" + std::to_string(i) + "\r\n$" + std::to_string(value.size()) + "\r\n" +
             value + "\r\n";
  }
  const size_t cut = GENERATE(1, 2, 3, 1000, 4096, 65536);
  ReplyReader reader;
  int count = 0;
  for (size_t at = 0; at < bytes.size(); at += cut) {
    reader.Feed(absl::string_view(bytes).substr(at, cut));
    while (auto reply = reader.Next()) {
      REQUIRE((*reply)[0].integer() == count);
      REQUIRE((*reply)[1].text().size() == static_cast<size_t>(count * 37 % 9000));
      ++count;
    }
  }
  CHECK(count == 200);
  CHECK(reader.status().ok());
}

TEST_CASE("what is no reply ends the stream") {
  const std::string bytes = GENERATE(
      as<std::string>(), "hello\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "$x\r\n", ":1x\r\n",
      "$-2\r\n", "*-2\r\n", "$99999999999999999999\r\n", "*99999999999999999999\r\n",
      "*2147483647\r\n", "*1048577\r\n", "\r\n", std::string(1, '\0'));
  CAPTURE(bytes);
  ReplyReader reader;
  reader.Feed(bytes);
  CHECK_FALSE(reader.Next().has_value());
  CHECK(absl::IsDataLoss(reader.status()));
  reader.Feed("+OK\r\n");
  CHECK_FALSE(reader.Next().has_value());
}

TEST_CASE("arrays nested too deeply end the stream") {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "*1\r\n";
  ReplyReader reader;
  reader.Feed(bytes);
  CHECK_FALSE(reader.Next().has_value());
  CHECK(absl::IsDataLoss(reader.status()));
}

TEST_CASE("a line without end ends the stream long before memory does") {
  ReplyReader reader;
  const std::string piece(4096, 'x');
  reader.Feed("+");
  int pieces = 0;
  do {
    CHECK_FALSE(reader.Next().has_value());
    reader.Feed(piece);
  } while (reader.status().ok() && ++pieces < 1000);
  CHECK(absl::IsDataLoss(reader.status()));
  CHECK(pieces < 20);
}

TEST_CASE("a reply longer than the limit ends the stream") {
  ReplyReader reader;
  const std::string piece(1 << 20, 'x');
  reader.Feed("$1000000000\r\n");
  size_t fed = 0;
  do {
    CHECK_FALSE(reader.Next().has_value());
    reader.Feed(piece);
    fed += piece.size();
  } while (reader.status().ok() && fed < 2 * ReplyReader::kLongestReply);
  CHECK(absl::IsDataLoss(reader.status()));
  CHECK(fed <= ReplyReader::kLongestReply + 2 * piece.size());
}

TEST_CASE("random bytes are survived") {
  std::mt19937 random(7);
  const absl::string_view alphabet = "+-:$*0123456789\r\n\r\n\r\n-1ax_,#%~>";
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 40, ' ');
    for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
    ReplyReader reader;
    reader.Feed(bytes);
    while (const auto reply = reader.Next()) {
      static_cast<void>(reply->type());
      for (size_t i = 0; i < reply->size(); ++i) static_cast<void>((*reply)[i].text().size());
    }
  }
}

}  // namespace
}  // namespace predictd::redis
