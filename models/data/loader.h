#pragma once
// Batches made while the ones before them are used (PyTorch's DataLoader), in the order of their numbers.
#include <deque>
#include <optional>
#include "../../core/error.h"
#include "../../core/parallel.h"

namespace heed {

// Epochs of f(0), f(1), .. f(count - 1), of which up to `ahead` are computed in the background:
//
//   const Batches batches = shuffled_batches(n, 64, rng);
//   for (Batch& batch : Loader(std::ssize(batches), [&](int64_t i) { return collate(examples, batches[i]); }))
//
// Each such loop is an epoch: it begins with f(0), also where one before it was left early.
//
// f runs in several threads at once, under the default Mode. What it gives must depend on i alone: a generator for it
// is Rng{scramble(key, i)}, never a shared one, nor default_rng(). Then the batches are the same for any number of
// threads and for ahead = 0, which computes in the calling thread. Error: count or ahead is negative.
template <class F>
class Loader {
 public:
  using Value = std::remove_cvref_t<std::invoke_result_t<const F&, int64_t>>;

  Loader(int64_t count, F f, int64_t ahead = 2, Where at = Where::here())
      : f_(std::move(f)), count_(count), ahead_(ahead) {
    if (count < 0) fail<Error>(at, "Loader", "cannot load " + std::to_string(count) + " batches");
    if (ahead < 0) fail<Error>(at, "Loader", "cannot load " + std::to_string(ahead) + " batches ahead");
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  int64_t size() const { return count_; }  // in batches

  // The next batch; absent after the last. What f threw for it comes out here, and the next call goes on behind it.
  std::optional<Value> next() {
    if (given_ == count_) return std::nullopt;
    while (begun_ < count_ && begun_ - given_ <= ahead_) {
      jobs_.push_back(std::make_unique<Job>(f_, begun_));
      if (begun_++ > given_) jobs_.back()->work.start();
    }
    const std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    ++given_;
    job->work.wait();
    return std::move(job->value);
  }

  struct End {};
  struct Iterator {  // over what next() gives
    Loader* loader;
    std::optional<Value> value = loader->next();
    Value& operator*() { return *value; }
    Iterator& operator++() {
      value = loader->next();
      return *this;
    }
    bool operator!=(End) const { return value.has_value(); }
  };
  Iterator begin() {
    jobs_.clear();
    given_ = begun_ = 0;
    return {this};
  }
  End end() const { return {}; }

 private:
  struct Job {
    Job(const F& f, int64_t i) : work([this, &f, i] { value.emplace(f(i)); }) {}
    std::optional<Value> value;
    Background work;
  };

  F f_;
  int64_t count_, ahead_, given_ = 0, begun_ = 0;  // begun_ - given_ are in jobs_
  std::deque<std::unique_ptr<Job>> jobs_;
};

}  // namespace heed
