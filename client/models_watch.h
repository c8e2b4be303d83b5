// `predict models --watch`
#ifndef PREDICTD_CLIENT_MODELS_WATCH_H_
#define PREDICTD_CLIENT_MODELS_WATCH_H_

#include "client/model_name.h"

namespace predictd::client {

// --watch
bool WantsWatch();

// Shows the versions that `name` means every --interval: in place on a terminal, one after the
// other elsewhere. A server that does not answer is waited for. SIGINT and SIGTERM end the program
// with status 0, so it returns only where the flags are wrong or stdout is gone.
int WatchModels(const ModelName& name);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_MODELS_WATCH_H_
