// What `predict bench` prints.
#ifndef PREDICTD_CLIENT_LOAD_LOAD_REPORT_H_
#define PREDICTD_CLIENT_LOAD_LOAD_REPORT_H_

#include <string>

#include "client/load/load_run.h"

namespace predictd::client {

// `server` is the address, for the reader. Requests per second and CPU per request are of the
// requests answered OK. Both end with a line break.
std::string LoadReportText(const LoadOptions& options, const LoadResult& result,
                           const std::string& server);
std::string LoadReportJson(const LoadOptions& options, const LoadResult& result,
                           const std::string& server);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_LOAD_REPORT_H_
