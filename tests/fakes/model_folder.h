// A model repository in a temporary directory, with files that are complete archives of nothing.
#ifndef PREDICTD_TESTS_FAKES_MODEL_FOLDER_H_
#define PREDICTD_TESTS_FAKES_MODEL_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fakes/temp_folder.h"

namespace predictd {

class ModelFolder {
 public:
  std::string path() const { return folder_.path().string(); }

  // An archive with one empty entry "a", as zip writes it (APPNOTE 6.3.10).
  static std::string EmptyArchive() { return Archive("", 0); }

  // With `content` in that entry, whose checksum is `crc32`; `wide`: sizes as of very large files.
  static std::string Archive(const std::string& content, uint32_t crc32, bool wide = false) {
    const uint64_t size = content.size();
    const std::string local = "PK\x03\x04" + Number(20, 2) + Number(0, 8) + Number(crc32, 4) +
                              Number(size, 4) + Number(size, 4) + Number(1, 2) + Number(0, 2) +
                              "a" + content;
    const std::string extra =
        wide ? Number(1, 2) + Number(16, 2) + Number(size, 8) + Number(size, 8) : "";
    const uint64_t said = wide ? 0xFFFFFFFF : size;
    const std::string entry = "PK\x01\x02" + Number(20, 2) + Number(20, 2) + Number(0, 8) +
                              Number(crc32, 4) + Number(said, 4) + Number(said, 4) + Number(1, 2) +
                              Number(extra.size(), 2) + Number(0, 14) + "a" + extra;
    return local + entry + "PK\x05\x06" + Number(0, 4) + Number(1, 2) + Number(1, 2) +
           Number(entry.size(), 4) + Number(local.size(), 4) + Number(0, 2);
  }

  void Write(const std::string& relative, const std::string& content) {
    const std::filesystem::path file = folder_.path() / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }

  // What a loader of the test reads is `content` in signature.json.
  void AddVersion(const std::string& model, int version, const std::string& content = "") {
    const std::string directory = model + "/" + std::to_string(version) + "/";
    Write(directory + "signature.json", content);
    Write(directory + "model.pt", EmptyArchive());
  }

  void Remove(const std::string& relative) {
    std::filesystem::remove_all(folder_.path() / relative);
  }

 private:
  static std::string Number(uint64_t value, int bytes) {
    std::string little_endian;
    for (int i = 0; i < bytes; ++i, value >>= 8) little_endian += static_cast<char>(value);
    return little_endian;
  }

  const TempFolder folder_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_MODEL_FOLDER_H_
