// The terminal behind a file descriptor, if there is one.
#ifndef PREDICTD_CLIENT_TERMINAL_H_
#define PREDICTD_CLIENT_TERMINAL_H_

#include <optional>

namespace predictd::client {

struct TerminalSize {
  int columns;
  int rows;
};

// Its size now, 80 by 24 where it does not say; nothing where the descriptor is a file or a pipe.
std::optional<TerminalSize> FindTerminal(int descriptor);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_TERMINAL_H_
