// A model repository in a temporary directory, with files that are complete archives of nothing.
#ifndef PREDICTD_TESTS_FAKES_MODEL_FOLDER_H_
#define PREDICTD_TESTS_FAKES_MODEL_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace predictd {

class ModelFolder {
 public:
  ModelFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "models-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~ModelFolder() { std::filesystem::remove_all(path_); }

  std::string path() const { return path_.string(); }

  // An archive with one empty entry "a", as zip writes it (APPNOTE 6.3.10).
  static std::string EmptyArchive() {
    std::string local("PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", 14);
    local += std::string(12, '\0') + std::string("\x01\0\0\0", 4) + "a";
    std::string entry("PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0", 16);
    entry += std::string(12, '\0') + std::string("\x01\0", 2) + std::string(16, '\0') + "a";
    std::string end("PK\x05\x06\0\0\0\0\x01\0\x01\0", 12);
    end += std::string(1, static_cast<char>(entry.size())) + std::string(3, '\0');
    end += std::string(1, static_cast<char>(local.size())) + std::string(3, '\0');
    end += std::string(2, '\0');
    return local + entry + end;
  }

  void Write(const std::string& relative, const std::string& content) {
    const std::filesystem::path file = path_ / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }

  // What a loader of the test reads is `content` in signature.json.
  void AddVersion(const std::string& model, int version, const std::string& content = "") {
    const std::string directory = model + "/" + std::to_string(version) + "/";
    Write(directory + "signature.json", content);
    Write(directory + "model.pt", EmptyArchive());
  }

  void Remove(const std::string& relative) { std::filesystem::remove_all(path_ / relative); }

 private:
  std::filesystem::path path_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_MODEL_FOLDER_H_
