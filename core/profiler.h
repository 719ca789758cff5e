#pragma once
// Where the time of a program goes: by op, by module, and as a trace to look at.
#include <memory>
#include "tree.h"

namespace heed {

// Profiler profile{model};   or, where the types of modules will do, Profiler profile;
// Watches every op of this thread to the end of the block, forward and backward; about 0.4 KB for each. What a gradient
// rule runs counts for the op whose rule it is. Work outside of ops (an optimizer's step, data) is in the wall time
// only.
class Profiler {
 public:
  struct Row {
    std::string name;
    int64_t calls = 0;                 // forward and backward
    double forward = 0, backward = 0;  // ms; of a module with all that is inside it
    double self = 0;                   // ms of its own ops, both ways
    int64_t bytes = 0;                 // of its own results, views of an input left out
    double mean() const { return calls > 0 ? 1e3 * self / double(calls) : 0; }  // us of a call
  };

  Profiler() : Profiler(std::vector<ModulePath>()) {}
  template <class M>
  explicit Profiler(const M& model) : Profiler(modules(model)) {}
  ~Profiler();

  std::vector<Row> by_op() const;      // the longest first
  std::vector<Row> by_module() const;  // in declaration order
  double wall() const;                 // ms since the beginning
  std::string str() const;             // both tables

  // Chrome's trace format, for chrome://tracing and ui.perfetto.dev. FileError: it cannot be written.
  void save(const std::string& path, Where at = Where::here()) const;

 private:
  struct Recorded;
  explicit Profiler(std::vector<ModulePath> modules);

  std::unique_ptr<Recorded> recorded_;
  struct Record {
    Recorded* to;
    void operator()(const Event& e) const;
  };
  Observe<Record> watch_;
};

}  // namespace heed
