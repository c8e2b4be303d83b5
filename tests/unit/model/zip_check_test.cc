#include "server/model/zip_check.h"

#include <atomic>
#include <string>

#include "absl/strings/match.h"
#include "tests/catch.h"
#include "tests/fakes/model_folder.h"

namespace predictd::model {
namespace {

const std::atomic<bool> kGoesOn{false};

// Published with the polynomial: what every CRC-32 of this kind gives for these digits.
constexpr char kDigits[] = "123456789";
constexpr uint32_t kChecksum = 0xCBF43926;

absl::Status Check(const std::string& archive) {
  ModelFolder folder;
  folder.Write("archive", archive);
  return CheckZip(folder.path() + "/archive", Pace::kFast, kGoesOn);
}

TEST_CASE("a model file cut at any byte is no complete archive") {
  const std::string archive = GENERATE(ModelFolder::EmptyArchive(),
                                       ModelFolder::Archive(kDigits, kChecksum, /*wide=*/true));
  CHECK(Check(archive).ok());
  for (size_t length = 0; length < archive.size(); ++length) {
    CHECK_FALSE(Check(archive.substr(0, length)).ok());
  }
  CHECK_FALSE(CheckZip("none", Pace::kFast, kGoesOn).ok());
}

TEST_CASE("a model file in which any byte of a tensor is another one is damaged") {
  const bool wide = GENERATE(false, true);
  const std::string archive = ModelFolder::Archive(kDigits, kChecksum, wide);
  CHECK(Check(archive).ok());
  for (size_t at = archive.find(kDigits), end = at + 9; at < end; ++at) {
    std::string damaged = archive;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    CHECK(absl::StrContains(Check(damaged).message(), "damaged: the checksum of a does not hold"));
  }
}

TEST_CASE("a tensor of several pieces is read to its end at either pace, or until it stops") {
  constexpr uint32_t kOfZeros = 0x5CE0587B;  // by Python's zlib
  const std::string zeros(200'000, '\0');
  ModelFolder folder;
  folder.Write("archive", ModelFolder::Archive(zeros, kOfZeros));
  for (const Pace pace : {Pace::kFast, Pace::kGentle}) {
    CHECK(CheckZip(folder.path() + "/archive", pace, kGoesOn).ok());
  }
  const std::atomic<bool> stopping{true};
  CHECK_FALSE(CheckZip(folder.path() + "/archive", Pace::kFast, stopping).ok());
}

}  // namespace
}  // namespace predictd::model
