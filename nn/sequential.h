#pragma once
#include "../core/tree.h"
#include "activation.h"

namespace heed {

template <class M>
concept Layer = requires(const M& m, const Tensor& x, Rng* training) {
  { m(x, training) } -> std::convertible_to<Tensor>;
};

// A module of any type.
class AnyModule {
 public:
  template <Layer M>
  requires(!std::is_same_v<M, AnyModule>) explicit AnyModule(M m) : held_(std::make_unique<Held<M>>(std::move(m))) {}

  Tensor operator()(In x, Rng* training = nullptr) const { return held_->call(x, training); }
  // What the walk over a model does with it.
  void walk(std::string& path, Visit visit) { held_->walk(path, visit); }
  AnyModule clone(detail::Cloner& copy) const { return AnyModule(held_->clone(copy)); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual Tensor call(In x, Rng* training) const = 0;
    virtual void walk(std::string& path, Visit visit) = 0;
    virtual std::unique_ptr<Base> clone(detail::Cloner& copy) const = 0;
  };
  template <class M>
  struct Held final : Base {
    M module;
    explicit Held(M m) : module(std::move(m)) {}
    Tensor call(In x, Rng* training) const override { return module(x, training); }
    void walk(std::string& path, Visit visit) override { detail::walk(module, path, visit); }
    std::unique_ptr<Base> clone(detail::Cloner& copy) const override { return std::make_unique<Held>(copy(module)); }
  };
  explicit AnyModule(std::unique_ptr<Base> held) : held_(std::move(held)) {}

  std::unique_ptr<Base> held_;
};

// Modules of any types, one after the other; their paths are 0, 1, ..
//   Sequential net{make<Linear>(4, 8), Relu{}, make<Linear>(8, 2)};
class Sequential {
 public:
  template <class... M>
  requires(!std::is_same_v<std::tuple<M...>, std::tuple<Sequential>>) explicit Sequential(M... modules) {
    static_assert((Layer<M> && ...), "heed: a module of Sequential is called as m(x, training) and gives a tensor");
    modules_.reserve(sizeof...(M));
    (modules_.emplace_back(std::move(modules)), ...);
  }

  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    Tensor y = x;
    for (const AnyModule& m : modules_) y = m(y, training);
    return y;
  }
  int64_t size() const { return int64_t(modules_.size()); }                          // how many there are
  const AnyModule& operator[](int64_t i) const { return modules_[std::size_t(i)]; }  // to freeze it, say

  void fields(auto f) {
    for (std::size_t i = 0; i < modules_.size(); ++i) f(std::to_string(i), modules_[i]);
  }
  Sequential clone(auto& copy) const {
    Sequential r;
    r.modules_ = copy(modules_);
    return r;
  }

 private:
  std::vector<AnyModule> modules_;
};

}  // namespace heed
