// The answer while the feature table is still to be made.
#ifndef PREDICTD_SERVER_SQL_MISSING_TABLE_H_
#define PREDICTD_SERVER_SQL_MISSING_TABLE_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace predictd {

// FAILED_PRECONDITION: the database has no tables yet, so this one is missing by no mistake.
inline absl::Status NoTableYet(absl::string_view table) {
  return absl::FailedPreconditionError(absl::StrCat(
      "feature table '", table, "' does not exist yet; fill it with `predict features put`"));
}

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_MISSING_TABLE_H_
