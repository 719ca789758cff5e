#pragma once
// Checkpoints: the model in one file, all that training needs besides in a second, and never a half of either.
#include <array>
#include "../../core/file.h"
#include "../../optim/optim.h"

namespace heed {

namespace detail {

// One value of the training state after the other, each with its path: written to a file, or read from it.
class Exchange {
 public:
  virtual void value(const std::string& path, int64_t& v) = 0;
  virtual void value(const std::string& path, uint64_t& v) = 0;
  virtual void value(const std::string& path, double& v) = 0;
  virtual void value(const std::string& path, std::string& v) = 0;
  virtual void value(const std::string& path, Tensor& v) = 0;
  virtual void value(const std::string& path, Slots& v) = 0;
  virtual void size(const std::string& path, uint64_t& n, bool may_differ) = 0;  // of a container

 protected:
  ~Exchange() = default;
};

template <class T>
using Element = std::remove_cvref_t<decltype(*std::declval<T&>().begin())>;

template <class T>
void exchange(T& x, std::string& path, Exchange& file) {
  auto field = [&](std::string_view name, auto& part) {
    Into into(path, name);
    exchange(part, path, file);
  };
  if constexpr (std::is_enum_v<T>) {
    auto number = static_cast<std::underlying_type_t<T>>(x);
    exchange(number, path, file);
    x = static_cast<T>(number);
  } else if constexpr (std::is_arithmetic_v<T>) {
    std::conditional_t<std::is_floating_point_v<T>, double, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>
        wide = x;
    file.value(path, wide);
    x = static_cast<T>(wide);
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Slots>) {
    file.value(path, x);
  } else if constexpr (std::is_base_of_v<Tensor, T>) {
    file.value(path, static_cast<Tensor&>(x));
  } else if constexpr (Listed<T>) {
    x.fields(field);
  } else if constexpr (Range<T>) {
    uint64_t n = std::size(x);
    constexpr bool grows = requires { x.resize(n); }
    &&(std::is_arithmetic_v<Element<T>> || std::is_same_v<Element<T>, Tensor>);
    file.size(path, n, grows);
    if constexpr (grows) x.resize(n);
    int i = 0;
    for (auto& element : x) field(std::to_string(i++), element);
  } else if constexpr (Pointer<T>) {
    if (x) exchange(*x, path, file);
  } else if constexpr (reflect::Plain<T>) {
    reflect::for_each_field(x, field);
  } else {
    static_assert(never<T>,
                  "heed: training state is made of tensors, numbers, texts, containers and plain structs: give this "
                  "type `void fields(auto f) { f(\"name\", member); ... }`");
  }
}

}  // namespace detail

// Calls load(path) for the newest checkpoint, a folder, of those in `run`; if that throws FileError, for the one before
// it, and a line on stderr says so. True if one was loaded, false if there is none. FileError: no such folder, or none
// can be loaded: the reason is that of the newest.
bool load_newest(const std::string& run, FunctionRef<void(const std::string& path)> load, Where at = Where::here());

struct SavedModel {
  int64_t step;      // it was saved after so many
  std::string file;  // as `load` reads it
};
// All models that a run still has, those of its checkpoints and of its history, by step. FileError: no such folder, or
// none in it.
std::vector<SavedModel> saved_models(const std::string& run, Where at = Where::here());

// What a run must not lose, saved together:
//
//   Checkpoints checkpoints("runs/dates", model);
//   checkpoints.add("optimizer", optimizer).add("rng", rng);
//   const int64_t first = resume ? checkpoints.load() : 0;
//   …
//   checkpoints.save(step + 1);
//
// A checkpoint is a folder, runs/dates/checkpoint-000400, with the model in model.safetensors (as `save` writes it) and
// the parts added in training.safetensors. It appears there whole, on disk, or not at all.
class Checkpoints {
 public:
  // The model and the parts are referred to: they must outlive this.
  template <Module M>
  Checkpoints(std::string folder, M& model)
      : folder_(std::move(folder)),
        model_{&model,
               [](const void* m, const std::string& path, const Metadata& metadata, Where at) {
                 heed::save(path, *static_cast<const M*>(m), metadata, at);
               },
               [](void* m, const std::string& path, Where at) { heed::load(path, *static_cast<M*>(m), at); }} {}

  // An optimizer, a generator, a number, or a plain struct of them. Error: there is one of that name.
  template <class T>
  Checkpoints& add(const std::string& name, T& part, Where at = Where::here()) {
    return add(
        {name, &part,
         [](void* p, std::string& path, detail::Exchange& file) { detail::exchange(*static_cast<T*>(p), path, file); }},
        at);
  }

  // After `step` steps. The checkpoint before it stays, others are removed, and from the history what comes after it.
  // The metadata go to the model's file. FileError: it cannot be written; then those that were there still are.
  void save(int64_t step, const Metadata& metadata = {}, Where at = Where::here()) const;

  // For looking back: the model after 0, 10, 20, 50, 100, 200, .. steps goes to runs/dates/history/000020.safetensors
  // and stays there; after others, nothing happens. FileError: as above.
  void keep_history(int64_t step, const Metadata& metadata = {}, Where at = Where::here()) const;

  // Restores the newest checkpoint, bit for bit, and returns the number of steps it was saved after. All numbers of the
  // parts are restored, an optimizer's lr too. If the newest cannot be read, the one before it is taken; if there is
  // none, nothing happens and 0 is returned; a line on stderr says so. FileError: no such folder, or none can be
  // read: the reason is that of the newest (the model has other sizes, say), and values may have been overwritten.
  int64_t load(Where at = Where::here());

 private:
  struct Model {
    void* object;
    void (*save)(const void* model, const std::string& path, const Metadata& metadata, Where at);
    void (*load)(void* model, const std::string& path, Where at);
  };
  struct Part {
    std::string name;
    void* object;
    void (*exchange)(void* part, std::string& path, detail::Exchange& file);
  };
  Checkpoints& add(Part part, Where at);
  void exchange(detail::Exchange& file, int64_t& step) const;
  int64_t load_from(const std::string& path, Where at);

  std::string folder_;
  Model model_;
  std::vector<Part> parts_;
};

}  // namespace heed
