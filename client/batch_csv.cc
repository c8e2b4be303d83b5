#include "client/batch_csv.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "client/csv.h"
#include "client/model_list.h"
#include "client/output_names.h"
#include "client/status_text.h"
#include "client/text.h"

namespace predictd::client {
namespace {

std::vector<std::string> NamesOf(const v1::ListModelsResponse& models,
                                 const v1::PredictBatchResponse& reply) {
  const v1::Signature* signature = FindSignature(models, reply.model(), reply.version());
  size_t count = reply.outputs_per_row();
  // A first call without a good row may not say how many outputs there are.
  if (count == 0 && signature != nullptr) count = DeclaredOutputs(*signature);
  return OutputNames(signature, count);
}

std::string ErrorText(int code, const std::string& message) {
  return absl::StrCat(CodeName(code), ": ", OneLine(message));
}

}  // namespace

BatchCsv::BatchCsv(const v1::ListModelsResponse& models, const v1::PredictBatchResponse& first)
    : names_(NamesOf(models, first)), saved_(!first.prediction_ids().empty()) {}

std::string BatchCsv::Header() const {
  std::string line = "user_id";
  for (const auto& name : names_) {
    line += ',';
    AppendCsvField(name, line);
  }
  if (saved_) line += ",prediction_id";
  return line + ",error\n";
}

std::string BatchCsv::Rows(const BatchCall& call) {
  const auto& reply = call.reply;
  const int users = call.request.user_ids_size();
  const int width = static_cast<int>(names_.size());
  absl::flat_hash_map<int, std::string> errors;
  for (const auto& error : reply.errors()) {
    errors[static_cast<int>(error.row())] =
        ErrorText(error.status().code(), error.status().message());
  }
  std::string whole_error;
  if (!call.status.ok()) {
    whole_error = ErrorText(call.status.error_code(), call.status.error_message());
  } else {
    NoteVersion(reply);
    const bool good_rows = reply.errors_size() < users;
    if (good_rows && (static_cast<int>(reply.outputs_per_row()) != width ||
                      reply.outputs_size() != users * width)) {
      whole_error = absl::StrCat("version ", reply.version(), " gives ", reply.outputs_per_row(),
                                 " outputs, not ", width, "; run again for these users");
    }
  }
  std::string csv;
  for (int row = 0; row < users; ++row) {
    const auto& user = call.request.user_ids(row);
    if (const auto error = errors.find(row); error != errors.end()) {
      AppendFailedRow(user, error->second, csv);
    } else if (!whole_error.empty()) {
      AppendFailedRow(user, whole_error, csv);
    } else {
      AppendGoodRow(user, reply.outputs().data() + row * width,
                    row < reply.prediction_ids_size() ? reply.prediction_ids(row) : "", csv);
    }
  }
  return csv;
}

void BatchCsv::AppendGoodRow(absl::string_view user, const float* outputs,
                             absl::string_view prediction_id, std::string& csv) const {
  AppendCsvField(user, csv);
  for (size_t i = 0; i < names_.size(); ++i) {
    csv += ',';
    csv += FormatFloat(outputs[i]);
  }
  if (saved_) {
    csv += ',';
    AppendCsvField(prediction_id, csv);
  }
  csv += ",\n";
}

void BatchCsv::AppendFailedRow(absl::string_view user, absl::string_view error, std::string& csv) {
  if (failed_rows_++ == 0) first_error_ = std::string(error);
  AppendCsvField(user, csv);
  csv.append(names_.size() + (saved_ ? 1 : 0), ',');
  csv += ',';
  AppendCsvField(error, csv);
  csv += '\n';
}

void BatchCsv::NoteVersion(const v1::PredictBatchResponse& reply) {
  if (reply.version().empty()) return;
  std::string version = absl::StrCat(reply.model(), "/", reply.version());
  if (std::find(versions_.begin(), versions_.end(), version) == versions_.end()) {
    versions_.push_back(std::move(version));
  }
}

}  // namespace predictd::client
