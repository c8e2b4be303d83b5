// Replies that list model versions, as --json or its absence wants them on stdout.
#ifndef PREDICTD_CLIENT_MODELS_TEXT_H_
#define PREDICTD_CLIENT_MODELS_TEXT_H_

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "client/model_table.h"
#include "client/request_options.h"
#include "client/terminal.h"

namespace predictd::client {

// 0 where stdout is no terminal.
inline size_t StdoutColumns() {
  const auto terminal = FindTerminal(STDOUT_FILENO);
  return terminal ? static_cast<size_t>(terminal->columns) : 0;
}

// A table as wide as the terminal on stdout, or the whole reply in protobuf's JSON form on one
// line. `signatures` adds to the table what each version takes and gives.
template <typename Reply>
std::string ModelsText(const Reply& reply, bool signatures) {
  if (!WantsJson()) {
    return ModelTable(reply.models(),
                      {.now = absl::Now(), .columns = StdoutColumns(), .signatures = signatures});
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for messages that hold an Any of an unknown type; these hold none.
  (void)google::protobuf::util::MessageToJsonString(reply, &json, options);
  return json + "\n";
}

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_MODELS_TEXT_H_
