#include "tests/integration/harness/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace predictd::integration {

std::string HttpExchange(const std::string& address, const std::string& request) {
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const size_t colon = address.rfind(':');
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
  const timeval longest{60, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
  if (::connect(connection, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0 ||
      ::send(connection, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    ::close(connection);
    return "";
  }
  std::string answer;
  char buffer[16384];
  ssize_t count = 0;
  while ((count = ::recv(connection, buffer, sizeof(buffer), 0)) > 0) answer.append(buffer, count);
  ::close(connection);
  return answer;
}

HttpAnswer HttpGet(const std::string& address, const std::string& path, const std::string& method) {
  // Version 1.0, so that the answer is not chunked and ends with the connection.
  const std::string text = HttpExchange(
      address, absl::StrCat(method, " ", path, " HTTP/1.0\r\nHost: ", address, "\r\n\r\n"));
  HttpAnswer answer;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) return answer;
  answer.code = std::atoi(text.c_str() + 9);
  answer.headers = text.substr(0, end);
  answer.body = text.substr(end + 4);
  return answer;
}

}  // namespace predictd::integration
