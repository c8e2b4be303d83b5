#include "server/model/paced_file.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace predictd::model {
namespace {

constexpr size_t kPiece = 64 << 10;

}  // namespace

PacedFile::PacedFile(const std::string& path, Pace pace, const std::atomic<bool>& stopping)
    : path_(path),
      file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      pace_(pace),
      stopping_(stopping) {
  struct stat status;
  TORCH_CHECK(file_ >= 0 && ::fstat(file_, &status) == 0, path_, ": ", std::strerror(errno));
  size_ = static_cast<size_t>(status.st_size);
}

PacedFile::~PacedFile() { ::close(file_); }

size_t PacedFile::read(uint64_t position, void* buffer, size_t size, const char* what) const {
  size_t done = 0;
  while (done < size) {
    TORCH_CHECK(!stopping_, path_, ": given up, as the server stops");
    const ssize_t got = ::pread(file_, static_cast<char*>(buffer) + done,
                                std::min(kPiece, size - done), static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    TORCH_CHECK(got >= 0, path_, ": ", what, ": ", std::strerror(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
    if (pace_ == Pace::kGentle && done < size) PauseBetweenSteps();
  }
  return done;
}

}  // namespace predictd::model
