#include "allowed.h"
#include <atomic>
#include <bit>
#include <limits>
#include "../core/rows.h"
#include "checks.h"

namespace heed {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_allowed(const char* op, Where at, const Shape& scores, Dtype t, const Tensor& bias, const Tensor& mask,
                   Causal causal) {
  if (bias.defined()) {
    check_same_dtype(op, at, t, bias.dtype());
    check_over(op, at, "bias", bias, "the scores ", scores);
  }
  if (mask.defined()) {
    if (mask.dtype() != boolean)
      fail<DtypeError>(at, op,
                       std::string("the mask must be boolean (true = may attend), not ") + name(mask.dtype()) +
                           ": what is added to the scores is the bias");
    check_over(op, at, "mask", mask, "the scores ", scores);
  }
  if (causal == Causal::on && scores[-2] != scores[-1])
    fail<ShapeError>(at, op,
                     "causal with " + std::to_string(scores[-2]) + " queries and " + std::to_string(scores[-1]) +
                         " keys: say Causal::upper_left or Causal::lower_right");
}

int64_t causal_offset(Causal causal, int64_t T, int64_t S) {
  return causal == Causal::off ? S : causal == Causal::lower_right ? S - T : 0;
}

Tensor allowed(int64_t T, int64_t S, const Tensor& bias, const Tensor& mask, int64_t offset) {
  Tensor may = mask;
  auto only = [&](const Tensor& where) { may = may.defined() ? may & where : where; };
  if (offset < S - 1) only(arange(S) <= unsqueeze(arange(T), 1) + offset);
  if (bias.defined()) only(bias > -infinity);
  return may;
}

bool all_finite(const Tensor& x) {
  const Array& a = x.array();
  const Rows<1> rows(a.shape(), {&a});
  std::atomic<bool> finite = true;
  visit_floating(a.dtype(), [&]<class T>(T) {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());  // all ones in NaN, too
    for_each_piece(rows, [&](const std::array<int64_t, 1>& at, int64_t n) {
      const T* row = a.data<T>() + at[0];
      const auto look = [&](auto step) {
        Bits bad = 0;
        for (int64_t i = 0; i < n; ++i) bad |= Bits((std::bit_cast<Bits>(row[i * step]) & exponent) == exponent);
        if (bad) finite = false;
      };
      if (rows.step(0) == 1) look(std::integral_constant<int64_t, 1>());  // a step that is known is a loop of vectors
      else look(rows.step(0));
    });
  });
  return finite;
}

namespace {
Tensor not_finite(const Tensor& x) { return any(~(abs(x) < infinity), -1, keepdim); }  // rows: [.., n, 1]
}  // namespace

Finite::Finite(const Tensor& keys, const Tensor& values, const Tensor& may) {
  const Tensor bad = not_finite(keys) | not_finite(values);
  k = where(bad, 0, keys), v = where(bad, 0, values);
  lost = any(transpose(bad) & may, -1, keepdim);
}
Tensor Finite::result(const Tensor& y) const { return where(lost, std::numeric_limits<double>::quiet_NaN(), y); }

}  // namespace heed
