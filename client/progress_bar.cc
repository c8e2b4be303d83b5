#include "client/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/terminal.h"
#include "client/text.h"

namespace predictd::client {
namespace {

constexpr int kWidestBar = 30;
constexpr int kNarrowestBar = 10;

std::string Bar(double fraction, int width) {
  const int filled = static_cast<int>(fraction * width);
  std::string bar(filled, '=');
  if (filled < width) bar += '>';
  bar.resize(width, ' ');
  return absl::StrCat("[", bar, "]");
}

}  // namespace

std::string ProgressText(const Progress& progress, int columns) {
  const double seconds = absl::ToDoubleSeconds(progress.elapsed);
  const double rate = seconds > 0 ? static_cast<double>(progress.done) / seconds : 0;
  const std::string per_second = absl::StrCat(FormatCount(static_cast<int64_t>(rate)), "/s");
  std::string text;
  if (!progress.total) {
    text = absl::StrCat(FormatCount(progress.done), " users  ", per_second, "  ",
                        FormatBrief(progress.elapsed));
  } else {
    const int64_t total = std::max<int64_t>(*progress.total, 1);
    const double fraction = std::min(1.0, static_cast<double>(progress.done) / total);
    const std::string percent = absl::StrFormat("%3d%%  ", static_cast<int>(fraction * 100));
    std::string rest = absl::StrCat(FormatCount(progress.done), " of ",
                                    FormatCount(*progress.total), " users  ", per_second);
    if (rate > 0) {
      const double left = static_cast<double>(std::max<int64_t>(0, total - progress.done)) / rate;
      absl::StrAppend(&rest, "  ", FormatBrief(absl::Seconds(left)), " left");
    }
    // Brackets and two spaces after them.
    const int room = columns - static_cast<int>(percent.size() + rest.size()) - 4;
    const int width = std::min(room, kWidestBar);
    const std::string bar = width < kNarrowestBar ? "" : absl::StrCat(Bar(fraction, width), "  ");
    text = absl::StrCat(percent, bar, rest);
  }
  return text.substr(0, std::max(columns, 0));
}

ProgressBar::ProgressBar(std::optional<int64_t> total)
    : total_(total), visible_(OnTerminal()), start_(absl::Now()), next_draw_(start_) {}

bool ProgressBar::OnTerminal() { return FindTerminal(STDERR_FILENO).has_value(); }

void ProgressBar::Update(int64_t done) {
  if (!visible_) return;
  const absl::Time now = absl::Now();
  if (now < next_draw_) return;
  next_draw_ = now + absl::Milliseconds(100);
  const auto terminal = FindTerminal(STDERR_FILENO);
  // A line as wide as the terminal would wrap.
  const int columns = (terminal ? terminal->columns : 80) - 1;
  const std::string text = ProgressText({done, total_, now - start_}, columns);
  std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::Clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace predictd::client
