#include "tests/integration/harness/script_writer.h"

#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/script.h>

#include <memory>
#include <stdexcept>

namespace predictd::integration {
namespace {

constexpr int64_t kFloatsPerMb = (1 << 20) / sizeof(float);

// libtorch's own knows `torch` only.
class WithPrimitives : public torch::jit::Resolver {
 public:
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(
      const std::string& name, torch::jit::GraphFunction& method,
      const torch::jit::SourceRange& at) override {
    if (name == "prim") return std::make_shared<torch::jit::BuiltinModule>("prim");
    return torch::jit::nativeResolver()->resolveValue(name, method, at);
  }
};

}  // namespace

void WriteTorchScript(const std::string& path, const std::string& source,
                      const std::string& signature_json, int weights_mb) {
  try {
    torch::jit::Module module("TestModel");
    if (weights_mb > 0) module.register_buffer("w", torch::rand({weights_mb, kFloatsPerMb}));
    module.define(source, std::make_shared<WithPrimitives>());
    torch::jit::ExtraFilesMap extra;
    if (!signature_json.empty()) extra["signature.json"] = signature_json;
    module.save(path, extra);
  } catch (const c10::Error& error) {
    throw std::runtime_error(error.what_without_backtrace());
  }
}

}  // namespace predictd::integration
