#include "server/model/zip_check.h"

#include <string>

#include "tests/catch.h"
#include "tests/fakes/model_folder.h"

namespace predictd::model {
namespace {

TEST_CASE("a model file cut at any byte is no complete archive") {
  ModelFolder folder;
  const std::string archive = ModelFolder::EmptyArchive();
  folder.Write("whole", archive);
  CHECK(CheckZipComplete(folder.path() + "/whole").ok());
  for (size_t length = 0; length < archive.size(); ++length) {
    folder.Write("cut", archive.substr(0, length));
    CHECK_FALSE(CheckZipComplete(folder.path() + "/cut").ok());
  }
  CHECK_FALSE(CheckZipComplete(folder.path() + "/none").ok());
}

}  // namespace
}  // namespace predictd::model
