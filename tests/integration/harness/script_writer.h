// The tests' one door to libtorch, whose headers are slow.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_SCRIPT_WRITER_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_SCRIPT_WRITER_H_

#include <string>

namespace predictd::integration {

// Saves a TorchScript module with one method. `source` may use `prim.TimePoint()`, the time in
// nanoseconds. `signature_json` is left out where empty. Throws where libtorch does.
void WriteTorchScript(const std::string& path, const std::string& source,
                      const std::string& signature_json, int weights_mb);

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_SCRIPT_WRITER_H_
