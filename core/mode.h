#pragma once
// All ambient state of a thread: is it recording, who is watching, and on whose behalf.
#include "function_ref.h"
#include "tensor.h"

namespace heed {

struct Event {  // one op was applied, or the gradients of one were computed
  const char* op;
  bool backward;
  Where at;
  ModuleId module;
  std::span<const Tensor* const> inputs;
  // Of a backward event: the gradients of the inputs, undefined where not wanted; one that the rule has added to what
  // had arrived is the sum.
  std::span<const Tensor> outputs;
  int64_t started, ended = 0;  // in ns of a steady clock; the ops that a rule runs lie within its backward event
  int64_t multiply_adds = 0;   // of a product applied, as its op says
};
using Watch = FunctionRef<void(const Event&)>;  // an observer

struct Mode {
  bool recording = true;
  bool definitions_only = false;
  bool checkpointing = true;    // else checkpoint(f, x) is f(x), and all of it is recorded
  bool in_rule = false;         // ops run to compute a gradient: the user called none of them
  uint64_t replay = 0;          // a checkpoint runs again: it writes only what was made in this replay of it
  const Where* line = nullptr;  // on whose behalf ops run; null: the line that called them
  ModuleId module;
  const Watch* observer = nullptr;
  std::vector<Tensor>* touched = nullptr;  // a checkpoint wants to know what its function reads
};
inline constinit thread_local Mode mode;  // of this thread; changed by the scopes below

// The clock that events are timed by; it is not read where nobody observes.
int64_t steady_ns();
inline int64_t started() { return mode.observer ? steady_ns() : 0; }

struct Restore {  // puts the mode back at the end of the block
  Mode before = mode;
  Restore() = default;
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;
  ~Restore() { mode = before; }
};

struct Recording : Restore {  // whether ops in this block are recorded
  explicit Recording(bool on) { mode.recording = on; }
};
struct Unrecorded : Recording {  // ops in this block have no history
  Unrecorded() : Recording(false) {}
};
struct DefinitionsOnly : Restore {  // every op of this block is computed by its definition, not by its kernel
  DefinitionsOnly() { mode.definitions_only = true; }
};

template <class F>
struct Observe : Restore {  // f sees every op of this block, then the observer around it does
  F f;
  explicit Observe(F callback) : f(std::move(callback)) { mode.observer = &watch_; }

 private:
  struct Both {
    Observe* self;
    void operator()(const Event& e) const {
      self->f(e);
      if (self->before.observer) (*self->before.observer)(e);
    }
  };
  Both both_{this};
  Watch watch_{both_};
};

// First line of a library module (`Scope here{*this, x};`) or of a composite op (`Scope here{x};`): the ops below keep
// the outermost user's line, and the module's address.
struct Scope : Restore {
  explicit Scope(const In& x) : at_(x.at) {
    if (!mode.line) mode.line = &at_;
  }
  template <class M>
  Scope(const M& module, const In& x) : Scope(x) {
    mode.module = {&module, &typeid(M)};
  }

 private:
  Where at_;
};

// The line that errors name: of whom ops run for, or else the caller's.
inline Where line_of(const Where& called) { return mode.line ? *mode.line : called; }
inline Where line_of(const In& x) { return line_of(x.at); }

}  // namespace heed
