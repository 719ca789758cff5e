#include <bit>
#include <functional>
#include <tuple>
#include "../core/op.h"
#include "../core/rows.h"
#include "checks.h"
#include "ops.h"

namespace heed {
namespace {

// f(i -> value of a, i -> value of b) for a row: steps that are 0 or 1 are known to the compiler, so that it takes
// several values at once.
template <class T, class F>
void with_steps(const T* a, int64_t sa, const T* b, int64_t sb, F f) {
  const auto next = [](const T* x) { return [x](int64_t i) { return x[i]; }; };
  const auto same = [](const T* x) { return [v = *x](int64_t) { return v; }; };
  if (sa == 1 && sb == 1) f(next(a), next(b));
  else if (sa == 1 && sb == 0) f(next(a), same(b));
  else if (sa == 0 && sb == 1) f(same(a), next(b));
  else f([=](int64_t i) { return a[i * sa]; }, [=](int64_t i) { return b[i * sb]; });
}

}  // namespace

// ---- choosing
template <std::size_t bytes>
using Bits = std::tuple_element_t<std::bit_width(bytes) - 1, std::tuple<uint8_t, uint16_t, uint32_t, uint64_t>>;

// a or b, by masking bits: a branch would be wrong half of the time, and a choice of places is not vectorised.
template <class T>
T chosen_of(bool first, T a, T b) {
  using B = Bits<sizeof(T)>;
  const B mask = B(-B(first));
  return std::bit_cast<T>(B((std::bit_cast<B>(a) & mask) | (std::bit_cast<B>(b) & B(~mask))));
}

struct Select {
  static constexpr auto name = "where";
  static constexpr auto constant = inputs<0>;
  Array forward(const Array& condition, const Array& a, const Array& b) const {
    const Shape shape = broadcast({}, name, condition.shape(), broadcast({}, name, a.shape(), b.shape()));
    Array y(shape, a.dtype());
    const Rows<4> all(shape, {&y, &condition, &a, &b});
    visit_dtype(a.dtype(), [&]<class T>(T) {
      T* r = y.mutable_data<T>();
      const bool* c = condition.data<bool>();
      const T *p = a.data<T>(), *q = b.data<T>();
      for_each_piece(all, [&](const std::array<int64_t, 4>& at, int64_t n) {
        T* to = r + at[0];
        const bool* chosen = c + at[1];
        const int64_t step = all.step(1);
        with_steps(p + at[2], all.step(2), q + at[3], all.step(3), [=](auto yes, auto no) {
          if (step == 1)
            for (int64_t i = 0; i < n; ++i) to[i] = chosen_of(chosen[i], yes(i), no(i));
          else
            for (int64_t i = 0; i < n; ++i) to[i] = chosen_of(chosen[i * step], yes(i), no(i));
        });
      });
    });
    return y;
  }
  Tensor d1(Grad g, Input<0> condition) const { return where(condition, g, 0); }
  Tensor d2(Grad g, Input<0> condition) const { return where(condition, 0, g); }
};
Tensor where(In condition, In a, In b) {
  const Where at = line_of(condition);
  check_defined(Select::name, at, condition);
  if (condition->dtype() != boolean)
    fail<DtypeError>(at, Select::name, std::string("the condition must be boolean, not ") + name(condition->dtype()));
  const Operands o(Select::name, at, a, b);
  broadcast(at, Select::name, condition->shape(), broadcast(at, Select::name, o.a().shape(), o.b().shape()));
  return apply(at, Select{}, condition.tensor(), o.a(), o.b());
}

// ---- comparing
template <class F>
struct Compare {
  static constexpr auto name = "compare";
  static constexpr bool differentiable = false;
  Array forward(const Array& a, const Array& b) const {
    return visit_dtype(a.dtype(), [&]<class T>(T) {
      using Value = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;
      return map_rows<T, bool>(a, b, [](bool* y, const T* p, int64_t sp, const T* q, int64_t sq, int64_t n) {
        with_steps(p, sp, q, sq, [=](auto a, auto b) {
          for (int64_t i = 0; i < n; ++i) y[i] = F()(Value(a(i)), Value(b(i)));
        });
      });
    });
  }
};
template <class F>
Tensor compare(const In& a, const In& b) {
  const Where at = line_of(a);
  const Operands o(Compare<F>::name, at, a, b);
  return apply(at, Compare<F>{}, o.a(), o.b());
}
Tensor operator<(In a, In b) { return compare<std::less<>>(a, b); }
Tensor operator<=(In a, In b) { return compare<std::less_equal<>>(a, b); }
Tensor operator>(In a, In b) { return compare<std::greater<>>(a, b); }
Tensor operator>=(In a, In b) { return compare<std::greater_equal<>>(a, b); }
Tensor operator==(In a, In b) { return compare<std::equal_to<>>(a, b); }
Tensor operator!=(In a, In b) { return compare<std::not_equal_to<>>(a, b); }

// ---- logic: comparing truths
template <class F>
Tensor combine(const char* op, const In& a, const In& b) {
  const Where at = line_of(a);
  const Operands o(op, at, a, b);
  check_boolean(op, at, o.a());
  return apply(at, Compare<F>{}, o.a(), o.b());
}
Tensor operator&(In a, In b) { return combine<std::logical_and<>>("logical_and", a, b); }
Tensor operator|(In a, In b) { return combine<std::logical_or<>>("logical_or", a, b); }
Tensor operator^(In a, In b) { return combine<std::not_equal_to<>>("logical_xor", a, b); }
Tensor operator~(In x) { return combine<std::not_equal_to<>>("logical_not", x, true); }

}  // namespace heed
