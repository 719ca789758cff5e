#pragma once
// Work on all cores. How it is split depends on its size only, never on the number of threads, so that results are the
// same bits for any number of them.
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include "function_ref.h"

namespace heed {

namespace detail {
void share_out(int64_t n, int64_t grain, FunctionRef<void(int64_t begin, int64_t end)> f);
}  // namespace detail

// Calls f(begin, end) for consecutive blocks of [0, n), `grain` long (the last may be shorter); a single block runs in
// the calling thread. A thread that waits here takes up no other work (a stolen task would run under another's Mode).
// Exceptions of f reach the caller.
inline void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t begin, int64_t end)> f) {
  if (n > grain) detail::share_out(n, grain, f);
  else if (n > 0) f(0, n);
}

// A function that is called once, by another thread or by the one that waits for it, under a Mode of its own (the
// default one). Nobody waits for a call that has not begun, so it may wait for others and share out work itself.
class Background {
 public:
  template <class F>
  explicit Background(F f) : job_(std::make_shared<JobOf<F>>(std::move(f))) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();  // waits for a call that has begun; one that has not never will

  void start();  // offers it to the other threads; where there are none (num_threads() is 1) it is left to wait()
  void wait();   // until it has been called, here if no other thread has begun to; rethrows what it threw

 private:
  struct Job {
    enum State { waiting, running, done };
    std::atomic<State> state{waiting};
    std::exception_ptr error;

    Job() = default;
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    virtual ~Job() = default;
    virtual void call() = 0;
    bool take();  // true once: for the thread that is to run it
    void run();
  };
  template <class F>
  struct JobOf : Job {
    explicit JobOf(F g) : f(std::move(g)) {}
    void call() override { f(); }
    F f;
  };
  std::shared_ptr<Job> job_;  // also in the hands of the threads it was offered to
};

int num_threads();            // as many as the machine has, or as set
void set_num_threads(int n);  // for the whole process, at least 1; before or between, not during, other work

}  // namespace heed
