// Which hiredis this was built with.
#ifndef PREDICTD_SERVER_REDIS_HIREDIS_VERSION_H_
#define PREDICTD_SERVER_REDIS_HIREDIS_VERSION_H_

#include <string>

namespace predictd::redis {

// "0.14.1"
std::string HiredisVersion();

}  // namespace predictd::redis

#endif  // PREDICTD_SERVER_REDIS_HIREDIS_VERSION_H_
