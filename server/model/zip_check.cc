#include "server/model/zip_check.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status.h"

namespace predictd::model {
namespace {

constexpr absl::string_view kLocalHeader("PK\x03\x04", 4);
constexpr absl::string_view kDirectoryEntry("PK\x01\x02", 4);
constexpr absl::string_view kEndRecord("PK\x05\x06", 4);
constexpr absl::string_view kEnd64Record("PK\x06\x06", 4);
constexpr absl::string_view kEnd64Locator("PK\x06\x07", 4);
constexpr int64_t kLocalSize = 30;  // without its name and what is extra
constexpr int64_t kEntrySize = 46;
constexpr int64_t kEndSize = 22;
constexpr int64_t kLocatorSize = 20;
constexpr int64_t kLongestComment = 65535;
constexpr uint64_t kIn64Record = 0xFFFFFFFF;
constexpr uint64_t kExtra64 = 1;
constexpr uint64_t kStored = 0;
// As libtorch is made to read it, see paced_file.h.
constexpr int64_t kPiece = 64 << 10;

uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

uint64_t Field(absl::string_view record, size_t offset, size_t length) {
  return LittleEndian(record.substr(offset, length));
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

absl::Status Cut(const std::string& path) {
  return absl::FailedPreconditionError(path + " is cut off or no TorchScript archive");
}

// What the directory says of one file inside.
struct ZipEntry {
  std::string name;
  uint64_t method = 0;
  uint32_t crc32 = 0;
  uint64_t size = 0;    // in the archive
  uint64_t offset = 0;  // of its local header
};

// `record` with its variable part behind it.
ZipEntry ParseEntry(absl::string_view record, absl::string_view variable) {
  ZipEntry entry;
  entry.name = std::string(variable.substr(0, Field(record, 28, 2)));
  entry.method = Field(record, 10, 2);
  entry.crc32 = static_cast<uint32_t>(Field(record, 16, 4));
  entry.size = Field(record, 20, 4);
  entry.offset = Field(record, 42, 4);
  absl::string_view extra = variable.substr(entry.name.size());
  while (extra.size() >= 4) {
    const uint64_t kind = Field(extra, 0, 2);
    absl::string_view values = extra.substr(4, Field(extra, 2, 2));
    extra.remove_prefix(4 + values.size());
    if (kind != kExtra64) continue;
    // In this order, each only where it does not fit above.
    const auto take = [&values](uint64_t& value) {
      if (value != kIn64Record || values.size() < 8) return;
      value = Field(values, 0, 8);
      values.remove_prefix(8);
    };
    uint64_t unpacked = Field(record, 24, 4);
    take(unpacked);
    take(entry.size);
    take(entry.offset);
  }
  return entry;
}

// Reads an archive whose entries end where its directory begins.
class EntryCheck {
 public:
  EntryCheck(const std::string& path, std::ifstream& file, uint64_t end, Pace pace,
             const std::atomic<bool>& stopping)
      : path_(path), file_(file), end_(end), pace_(pace), stopping_(stopping) {}

  absl::Status Check(const ZipEntry& entry) {
    const std::string local = ReadAt(file_, entry.offset, kLocalSize);
    if (local.size() != kLocalSize || !absl::StartsWith(local, kLocalHeader)) return Cut(path_);
    const uint64_t begin = entry.offset + kLocalSize + Field(local, 26, 2) + Field(local, 28, 2);
    if (begin > end_ || entry.size > end_ - begin) return Cut(path_);
    // The code may be packed: what is wrong with it shows when it is unpacked and compiled.
    if (entry.method != kStored) return absl::OkStatus();
    uLong crc = ::crc32(0, nullptr, 0);
    for (uint64_t at = begin; at < begin + entry.size;) {
      if (stopping_) return absl::FailedPreconditionError("given up, as the server stops");
      const std::string piece =
          ReadAt(file_, at, std::min<uint64_t>(kPiece, begin + entry.size - at));
      if (piece.empty()) return Cut(path_);
      crc = ::crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), piece.size());
      at += piece.size();
      if (pace_ == Pace::kGentle) PauseBetweenSteps();
    }
    if (crc == entry.crc32) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " is damaged: the checksum of ", entry.name, " does not hold"));
  }

 private:
  const std::string& path_;
  std::ifstream& file_;
  const uint64_t end_;
  const Pace pace_;
  const std::atomic<bool>& stopping_;
};

}  // namespace

absl::Status CheckZip(const std::string& path, Pace pace, const std::atomic<bool>& stopping) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::FailedPreconditionError("cannot open " + path);
  const int64_t size = file.tellg();
  const absl::Status cut = Cut(path);
  if (size < kEndSize || ReadAt(file, 0, 4) != kLocalHeader) return cut;

  const int64_t tail_size = std::min(size, kEndSize + kLongestComment);
  const std::string tail = ReadAt(file, size - tail_size, tail_size);
  const size_t at = tail.rfind(kEndRecord.data(), std::string::npos, kEndRecord.size());
  if (at == std::string::npos || tail.size() - at < kEndSize) return cut;
  const absl::string_view record = absl::string_view(tail).substr(at, kEndSize);
  if (tail.size() - at != kEndSize + Field(record, 20, 2)) return cut;

  uint64_t directory_size = Field(record, 12, 4);
  uint64_t directory_offset = Field(record, 16, 4);
  if (directory_offset == kIn64Record || directory_size == kIn64Record) {
    const int64_t locator_offset = size - tail_size + static_cast<int64_t>(at) - kLocatorSize;
    const std::string locator = ReadAt(file, locator_offset, kLocatorSize);
    if (locator.size() != kLocatorSize || locator.substr(0, 4) != kEnd64Locator) return cut;
    const std::string record64 = ReadAt(file, Field(locator, 8, 8), 56);
    if (record64.size() != 56 || record64.substr(0, 4) != kEnd64Record) return cut;
    directory_size = Field(record64, 40, 8);
    directory_offset = Field(record64, 48, 8);
  }
  if (directory_offset > static_cast<uint64_t>(size) || directory_size == 0 ||
      directory_size > static_cast<uint64_t>(size) - directory_offset) {
    return cut;
  }
  EntryCheck check(path, file, directory_offset, pace, stopping);
  const uint64_t directory_end = directory_offset + directory_size;
  for (uint64_t next = directory_offset; next < directory_end;) {
    const std::string entry = ReadAt(file, next, kEntrySize);
    if (entry.size() != kEntrySize || !absl::StartsWith(entry, kDirectoryEntry)) return cut;
    const uint64_t variable = Field(entry, 28, 2) + Field(entry, 30, 2);
    const std::string rest = ReadAt(file, next + kEntrySize, variable);
    if (rest.size() != variable) return cut;
    PREDICTD_RETURN_IF_ERROR(check.Check(ParseEntry(entry, rest)));
    next += kEntrySize + variable + Field(entry, 32, 2);
  }
  return absl::OkStatus();
}

}  // namespace predictd::model
