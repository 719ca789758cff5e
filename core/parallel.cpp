#include "parallel.h"
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <algorithm>
#include "mode.h"

// ThreadSanitizer does not see how oneTBB's threads, which are built without it, wait for each other. Under it blocks
// run on threads that it knows.
#if defined(__SANITIZE_THREAD__)
#define HEED_OWN_THREADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HEED_OWN_THREADS 1
#endif
#endif
#ifdef HEED_OWN_THREADS
#include <mutex>
#include <thread>
#include <vector>
#endif

namespace heed {
namespace {

#ifdef HEED_OWN_THREADS
void run(int64_t blocks, FunctionRef<void(int64_t)> block) {
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  auto work = [&] {
    try {
      for (int64_t b; (b = next++) < blocks;) block(b);
    } catch (...) {
      std::lock_guard lock(mutex);
      error = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < std::min<int64_t>(blocks, num_threads()); ++i) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
  if (error) std::rethrow_exception(error);
}
template <class F>
void enqueue(F f) {
  std::thread(std::move(f)).detach();
}
#else
void run(int64_t blocks, FunctionRef<void(int64_t)> block) {
  const int64_t together = std::max<int64_t>(1, blocks / (32 * num_threads()));  // blocks of a task
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, blocks, std::size_t(together)),
        [&](const tbb::blocked_range<int64_t>& some) {
          for (int64_t b = some.begin(); b < some.end(); ++b) block(b);
        },
        tbb::simple_partitioner());
  });
}
template <class F>
void enqueue(F f) {
  tbb::this_task_arena::enqueue(std::move(f));  // a thread takes it when it has nothing to wait for
}
#endif

}  // namespace

void detail::share_out(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> f) {
  run(ceil_div(n, grain), [&](int64_t b) { f(b * grain, std::min(n, (b + 1) * grain)); });
}

bool Background::Job::take() {
  State expected = waiting;
  return state.compare_exchange_strong(expected, running);
}
void Background::Job::run() {
  const Restore after;
  mode = {};
  try {
    call();
  } catch (...) {
    error = std::current_exception();
  }
  state = done;
  state.notify_all();
}
void Background::start() {
  if (num_threads() == 1) return;
  enqueue([job = job_] {
    if (job->take()) job->run();
  });
}
void Background::wait() {
  if (job_->take()) job_->run();
  job_->state.wait(Job::running);
  if (job_->error) std::rethrow_exception(job_->error);
}
Background::~Background() {
  if (!job_->take()) job_->state.wait(Job::running);
}

int num_threads() { return int(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism)); }
void set_num_threads(int n) {
  static std::unique_ptr<tbb::global_control> limit;
  limit =
      std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, std::size_t(std::max(n, 1)));
}

}  // namespace heed
