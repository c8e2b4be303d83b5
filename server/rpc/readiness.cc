#include "server/rpc/readiness.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace predictd::rpc {
namespace {

std::string NothingReady(absl::string_view model) {
  return absl::StrCat("model '", model, "' has no READY version");
}

}  // namespace

Readiness::Readiness(const repository::Catalog& catalog, std::string default_model,
                     Metrics& metrics)
    : catalog_(catalog), default_model_(std::move(default_model)), metrics_(metrics) {}

std::string Readiness::WhyNot() const {
  if (draining_) return "draining";
  if (catalog_.Ready()) return "";
  if (!default_model_.empty()) return NothingReady(default_model_);
  const std::shared_ptr<const repository::Snapshot> snapshot = catalog_.snapshot();
  bool any = false;
  for (const auto& [name, model] : snapshot->models) {
    if (model.versions.empty()) continue;
    if (model.Serving() == nullptr) return NothingReady(name);
    any = true;
  }
  return any ? "" : "there is no model";
}

void Readiness::Changed() {
  MutexLock lock(mutex_);
  const std::string why_not = WhyNot();
  if (why_not.empty() == ready_) return;
  ready_ = why_not.empty();
  metrics_.ready.Set(ready_ ? 1 : 0);
  if (ready_) {
    Log(LogLevel::kInfo, "ready");
  } else {
    Log(draining_ ? LogLevel::kInfo : LogLevel::kWarning, "not ready", {{"reason", why_not}});
  }
}

void Readiness::Drain() {
  draining_ = true;
  Changed();
}

}  // namespace predictd::rpc
