#include "progress.h"
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include "../draw/text.h"
#include "run_folder.h"

namespace heed {

// ---- Ctrl-C
namespace {

std::atomic<int> signal_number{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may write nothing else");

constexpr int signals[] = {SIGINT, SIGTERM};
struct sigaction before[2];  // what the program did at a signal outside the loops
int loops = 0;

void end_after_step(int number) {
  const int error = errno;
  signal_number = number;
  for (int s : signals) std::signal(s, SIG_DFL);
  constexpr std::string_view message = "\nstopping after this step; once more to stop at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message.data(), message.size());
  errno = error;
}

void watch_signals() {
  if (loops++ > 0) return;
  struct sigaction ours {};
  ours.sa_handler = end_after_step;
  ours.sa_flags = SA_RESTART;
  for (int i : {0, 1}) {
    sigaction(signals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &ours, nullptr);  // a program in the background
  }
}

void leave_signals() {
  if (--loops > 0) return;
  for (int i : {0, 1}) sigaction(signals[i], &before[i], nullptr);
}

}  // namespace

int interrupted() { return signal_number; }

// ---- the line
namespace {

bool on_terminal() {
  const char* type = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && type && *type && std::string_view(type) != "dumb";
}

int64_t terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

std::string clock_text(double seconds) {  // 0:09, 12:34, 1:02:03
  const auto two_digits = [](int64_t n) { return (n < 10 ? ":0" : ":") + std::to_string(n); };
  const auto s = std::llround(seconds);
  const std::string minutes = s < 3600 ? std::to_string(s / 60) : std::to_string(s / 3600) + two_digits(s / 60 % 60);
  return minutes + two_digits(s % 60);
}

// So many digits, trailing zeros included, that the line does not move: 0.4310, 12.50.
std::string figure(double v, int digits) {
  const double size = std::abs(v);
  if (v == std::round(v) && size < 1e9) return draw::fixed(v, 0);
  if (!(size >= 1e-3 && size < 1e6)) return draw::number(v, digits);
  return draw::fixed(v, std::max(0, digits - 1 - int(std::floor(std::log10(size)))));
}

std::string rate_text(double rate) {
  return rate >= 1 ? figure(rate, 3) + " steps/s" : figure(1 / rate, 3) + " s/step";
}

std::string bar(double part, int64_t columns) {
  constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto filled = int64_t(part * double(8 * columns));
  std::string text;
  for (int64_t i = 0; i < filled / 8; ++i) text += "█";
  text += eighths[filled % 8];
  return "▕" + text + std::string(std::size_t(columns - draw::width(text)), ' ') + "▏";
}

}  // namespace

Step::Step(int64_t total, int64_t first, RunFolder* run)
    : first_(first),
      total_(total),
      number_(first),
      run_(run),
      terminal_(on_terminal()),
      start_(Clock::now()),
      written_(start_) {
  watch_signals();
  if (terminal_ && first < total) write_line();
}

Step::~Step() {
  leave_signals();
  if (inside_ && !std::uncaught_exceptions()) {  // break has ended the loop
    try {
      finish();
    } catch (const Error& e) {
      std::fprintf(stderr, "%s\n", e.what());
    }
  }
  if (number_ > first_ && written_at_ != number_) write_line();
  if (terminal_ && written_at_ >= 0) std::fputs("\n", stdout);
  std::fflush(stdout);
}

bool Step::last() {
  record();
  if (!last_) last_ = number_ + 1 == total_ || interrupted();
  return *last_;
}

bool Step::next() {
  inside_ = number_ < total_ && !last_.value_or(interrupted() != 0);
  last_.reset();
  return inside_;
}

void Step::record() {
  if (!run_) return;
  std::vector<std::pair<std::string, double>> shown;
  for (Value& v : values_)
    if (v.step == number_ && !std::exchange(v.recorded, true)) shown.emplace_back(v.name, v.last);
  if (!shown.empty()) run_->record(number_, shown);
}

void Step::finish() {
  inside_ = false;
  record();
  ++number_;
  const double since = seconds(Clock::now() - written_);
  const bool another_part =
      20 * (number_ - first_) / (total_ - first_) > 20 * (number_ - 1 - first_) / (total_ - first_);
  if (terminal_ ? since > 0.1 : another_part || since > 10) write_line();
}

void Step::show(std::string_view name, double value) {
  auto v = std::find_if(values_.begin(), values_.end(), [&](const Value& known) { return known.name == name; });
  if (v == values_.end()) v = values_.insert(v, Value{.name = std::string(name)});
  const bool goes_on = v->step == number_ - 1 && std::isfinite(v->mean);
  v->count = goes_on ? std::min<int64_t>(v->count + 1, 20) : 1;
  v->mean = goes_on ? v->mean + (value - v->mean) / double(v->count) : value;
  v->last = value;
  v->step = number_;
  v->recorded = false;
}

void Step::print(std::string_view text) {
  if (terminal_) std::fputs("\r\033[K", stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputs("\n", stdout);
  if (terminal_) write_line();
  std::fflush(stdout);
}

double Step::rate() const { return number_ > first_ ? double(number_ - first_) / seconds(Clock::now() - start_) : 0; }

void Step::write_line() {
  const std::string text = terminal_ ? "\r" + line(terminal_columns()) + "\033[K" : line(0) + "\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  written_ = Clock::now();
  written_at_ = number_;
}

std::string Step::line(int64_t columns) const {
  std::string count = std::to_string(number_) + "/" + std::to_string(total_);
  count.insert(0, 2 * std::to_string(total_).size() + 1 - count.size(), ' ');
  std::string time;
  if (number_ > first_) {
    time = "  " + rate_text(rate());
    if (number_ < total_) time += "  " + clock_text(double(total_ - number_) / rate()) + " left";
    else time += "  in " + clock_text(seconds(Clock::now() - start_));
  }
  std::string values;
  for (const Value& v : values_) {
    const std::string next = "  " + v.name + " " + figure(v.mean, 4);
    if (columns && draw::width(count + values + next + time) >= columns) break;
    values += next;
  }
  if (!columns) return "step " + count + values + time;
  const int64_t room = columns - 1 - draw::width(count + values + time);  // the last column stays empty
  if (room < 0) return count.substr(0, std::size_t(columns - 1));
  if (room < 13) return count + values + time;
  return bar(double(number_ - first_) / double(total_ - first_), std::min<int64_t>(room - 3, 30)) + " " + count +
         values + time;
}

Progress progress(int64_t total, RunFolder& run) { return {total, run.first(), &run}; }

}  // namespace heed
