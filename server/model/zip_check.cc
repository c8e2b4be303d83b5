#include "server/model/zip_check.h"

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "absl/strings/string_view.h"

namespace predictd::model {
namespace {

constexpr absl::string_view kLocalHeader("PK\x03\x04", 4);
constexpr absl::string_view kDirectoryEntry("PK\x01\x02", 4);
constexpr absl::string_view kEndRecord("PK\x05\x06", 4);
constexpr absl::string_view kEnd64Record("PK\x06\x06", 4);
constexpr absl::string_view kEnd64Locator("PK\x06\x07", 4);
constexpr int64_t kEndSize = 22;
constexpr int64_t kLocatorSize = 20;
constexpr int64_t kLongestComment = 65535;
constexpr uint64_t kIn64Record = 0xFFFFFFFF;

uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// `length` bytes at `offset`, or fewer where the file ends.
std::string ReadAt(std::ifstream& file, int64_t offset, int64_t length) {
  std::string bytes(length, '\0');
  file.clear();
  file.seekg(offset);
  file.read(bytes.data(), length);
  bytes.resize(std::max<int64_t>(file.gcount(), 0));
  return bytes;
}

}  // namespace

absl::Status CheckZipComplete(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::FailedPreconditionError("cannot open " + path);
  const int64_t size = file.tellg();
  const absl::Status cut =
      absl::FailedPreconditionError(path + " is cut off or no TorchScript archive");
  if (size < kEndSize || ReadAt(file, 0, 4) != kLocalHeader) return cut;

  const int64_t tail_size = std::min(size, kEndSize + kLongestComment);
  const std::string tail = ReadAt(file, size - tail_size, tail_size);
  const size_t at = tail.rfind(kEndRecord.data(), std::string::npos, kEndRecord.size());
  if (at == std::string::npos || tail.size() - at < kEndSize) return cut;
  const absl::string_view record = absl::string_view(tail).substr(at, kEndSize);
  if (tail.size() - at != kEndSize + LittleEndian(record.substr(20, 2))) return cut;

  uint64_t directory_size = LittleEndian(record.substr(12, 4));
  uint64_t directory_offset = LittleEndian(record.substr(16, 4));
  if (directory_offset == kIn64Record || directory_size == kIn64Record) {
    const int64_t locator_offset = size - tail_size + static_cast<int64_t>(at) - kLocatorSize;
    const std::string locator = ReadAt(file, locator_offset, kLocatorSize);
    if (locator.size() != kLocatorSize || locator.substr(0, 4) != kEnd64Locator) return cut;
    const std::string record64 =
        ReadAt(file, LittleEndian(absl::string_view(locator).substr(8, 8)), 56);
    if (record64.size() != 56 || record64.substr(0, 4) != kEnd64Record) return cut;
    directory_size = LittleEndian(absl::string_view(record64).substr(40, 8));
    directory_offset = LittleEndian(absl::string_view(record64).substr(48, 8));
  }
  if (directory_offset > static_cast<uint64_t>(size) ||
      directory_size > static_cast<uint64_t>(size) - directory_offset ||
      ReadAt(file, directory_offset, 4) != kDirectoryEntry) {
    return cut;
  }
  return absl::OkStatus();
}

}  // namespace predictd::model
