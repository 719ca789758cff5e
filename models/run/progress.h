#pragma once
// A loop over training steps that says how far it is, and that Ctrl-C ends between two steps.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heed {

class RunFolder;

// for (auto& step : progress(5000)) { step.show("loss", loss.item()); … }
//
// On a terminal, one line on standard output: a bar, the values shown, the rate and the time left. Elsewhere a plain
// line every 5 % and at least every 10 s.
//
// The first Ctrl-C (SIGINT) or SIGTERM lets the step finish and ends the loop, the second one kills the program:
//
//   if (step.last() || step % 100 == 99) checkpoints.save(step + 1);
class Step {
 public:
  operator int64_t() const { return number_; }  // first .. total-1

  // Is this the last step, because it is number total-1 or because of a signal? A signal that comes after this has been
  // asked lets one more step begin, so that none goes unnoticed. What has been shown is in the run's metrics from then
  // on: a kill just after a checkpoint loses none of it.
  bool last();

  // A value for the line, and for the metrics of the run. One that is shown in each step appears as its mean over about
  // the last 20.
  void show(std::string_view name, double value);
  void print(std::string_view text);  // lines of text, above the bar
  double rate() const;                // steps per second; 0 before the first has ended

  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  friend class Progress;
  using Clock = std::chrono::steady_clock;
  struct Value {
    std::string name;
    int64_t step = -1;  // in which it was last shown
    double last = 0, mean = 0;
    int64_t count = 0;  // of steps in a row
    bool recorded = false;
  };

  Step(int64_t total, int64_t first, RunFolder* run);
  ~Step();
  bool next();    // begins a step, if there is one to take
  void record();  // what has been shown in it and is not in the run's metrics yet
  void finish();  // it has ended
  void write_line();
  std::string line(int64_t columns) const;  // for a terminal that wide, or a plain one where that is 0

  const int64_t first_, total_;
  int64_t number_;  // of this step; between two steps, how many have been done
  RunFolder* run_;
  std::vector<Value> values_;
  bool terminal_, inside_ = false;
  std::optional<bool> last_;  // what last() has said in this step
  Clock::time_point start_, written_;
  int64_t written_at_ = -1;  // number_ when the line was last written
};

class Progress {  // what progress() returns, for a range-for
 public:
  Progress(int64_t total, int64_t first, RunFolder* run) : step_(total, first, run) {}
  struct End {};
  struct Iterator {
    Step* step;
    Step& operator*() const { return *step; }
    Iterator& operator++() {
      step->finish();
      return *this;
    }
    bool operator!=(End) const { return step->next(); }
  };
  Iterator begin() { return {&step_}; }
  End end() const { return {}; }

 private:
  Step step_;
};

// Steps first .. total-1.
inline Progress progress(int64_t total, int64_t first = 0) { return {total, first, nullptr}; }

// Steps run.first() .. total-1. What is shown in a step becomes a line of the run's metrics.
Progress progress(int64_t total, RunFolder& run);

// The signal that has ended a loop over progress(), 0 if none has. From then on every such loop ends at once: save what
// must be saved and return.
int interrupted();

}  // namespace heed
