#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace predictd::client {

std::optional<TerminalSize> FindTerminal(int descriptor) {
  if (isatty(descriptor) != 1) return std::nullopt;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return TerminalSize{80, 24};
  }
  return TerminalSize{size.ws_col, size.ws_row};
}

}  // namespace predictd::client
