#include "server/redis/protocol.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace predictd::redis {
namespace {

// hiredis moves what it has not read yet to the front after about each KiB that it reads: small
// slices keep that cheap.
constexpr size_t kSlice = 4096;

// No line of the protocol (a status, an error, a length) is nearly as long. hiredis searches a line
// from its start each time, so an endless one would cost time by the square.
constexpr size_t kLongestLine = 64 << 10;

constexpr uint64_t kMostElements = 1 << 20;
constexpr int kDeepestArray = 7;

void AppendHeader(char kind, size_t number, std::string& out) {
  std::array<char, 24> text;
  text[0] = kind;
  char* end = std::to_chars(text.data() + 1, text.data() + text.size() - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text.data(), end);
}

using ReaderPointer = std::unique_ptr<redisReader, decltype(&redisReaderFree)>;

const redisReplyObjectFunctions& DefaultFunctions() {
  static const redisReplyObjectFunctions functions =
      *ReaderPointer(redisReaderCreate(), &redisReaderFree)->fn;
  return functions;
}

// Memory for an array is taken before its elements have come, and a nested one is freed by
// recursion: what a peer claims is limited. `Count` differs between versions of hiredis, and newer
// ones have no limit of depth.
template <typename Count>
void* CreateArray(const redisReadTask* task, Count elements) {
  if (static_cast<uint64_t>(elements) > kMostElements) return nullptr;
  int depth = 0;
  for (const redisReadTask* parent = task->parent; parent != nullptr; parent = parent->parent) {
    if (++depth > kDeepestArray) return nullptr;
  }
  return DefaultFunctions().createArray(task, elements);
}

redisReplyObjectFunctions* BoundedFunctions() {
  static redisReplyObjectFunctions functions = [] {
    redisReplyObjectFunctions bounded = DefaultFunctions();
    bounded.createArray = &CreateArray;
    return bounded;
  }();
  return &functions;
}

}  // namespace

void AppendCommand(absl::Span<const absl::string_view> arguments, std::string& out) {
  AppendHeader('*', arguments.size(), out);
  for (const absl::string_view argument : arguments) {
    AppendHeader('$', argument.size(), out);
    out.append(argument.data(), argument.size());
    out.append("\r\n", 2);
  }
}

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(BoundedFunctions())) {}

ReplyReader::~ReplyReader() = default;

void ReplyReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

std::optional<Reply> ReplyReader::Next() {
  while (status_.ok()) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
      status_ = absl::DataLossError(absl::StrCat("unreadable reply: ", reader_->errstr));
      break;
    }
    if (reply != nullptr) {
      unfinished_bytes_ = 0;
      return Reply(static_cast<redisReply*>(reply));
    }
    if (TooLarge()) {
      status_ = absl::DataLossError("a reply is too large");
      break;
    }
    if (unread_.empty()) break;
    const absl::string_view slice = unread_.substr(0, kSlice);
    unread_.remove_prefix(slice.size());
    unfinished_bytes_ += slice.size();
    // Its only error is lack of memory, which the next call reports.
    redisReaderFeed(reader_.get(), slice.data(), slice.size());
  }
  return std::nullopt;
}

bool ReplyReader::TooLarge() const {
  if (unfinished_bytes_ > kLongestReply) return true;
  const absl::string_view rest(reader_->buf + reader_->pos, reader_->len - reader_->pos);
  return rest.size() > kLongestLine &&
         rest.substr(0, kLongestLine).find("\r\n") == absl::string_view::npos;
}

}  // namespace predictd::redis
