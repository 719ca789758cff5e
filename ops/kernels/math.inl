// Functions of one vector, for the files of this folder: included after <hwy/contrib/math/math-inl.h>, once for each
// instruction set.
#if defined(HEED_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HEED_MATH_INL
#undef HEED_MATH_INL
#else
#define HEED_MATH_INL
#endif

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

using namespace hwy::HWY_NAMESPACE;

// e^x = 2^n e^r where x = n log 2 + r, in float: r, and n beside a magic number, in the low bits. e^r = 1 + r + r^2 (c0
// + c1 r + ..), interpolated in the Chebyshev points of |r| <= log(2) / 2: relative error 0.17 of half an ulp. Only
// where neither the result nor a power of 2 near it leaves the normal numbers.
template <class V>
struct Reduced {
  V turns, r;
};
template <class D, class V = Vec<D>>
V exp_of(D d, Reduced<V> x) {
  const RebindToSigned<D> whole;
  const V r = x.r, square = Mul(r, r);
  const V c = MulAdd(square, Set(d, 0.00139261761f), MulAdd(r, Set(d, 0.00836317307f), Set(d, 0.0416665547f)));
  const V tail = MulAdd(square, c, MulAdd(r, Set(d, 0.16666577f), Set(d, 0.5f)));
  const V y = Add(MulAdd(square, tail, r), Set(d, 1.0f));
  return BitCast(d, Add(BitCast(whole, y), ShiftLeft<23>(BitCast(whole, x.turns))));
}
constexpr float log2_high = 0.693359375f, log2_low = -2.12194440e-4f;  // a product of the first with n is exact

// e^x for -87 <= x <= 88, anything elsewhere.
template <class D, class V = Vec<D>>
V exp_near(D d, V x) {
  if constexpr (sizeof(TFromD<D>) == sizeof(double)) {
    return Exp(d, x);
  } else {
    const V magic = Set(d, 0x1.8p23f), turns = MulAdd(x, Set(d, 1.44269504f), magic), n = Sub(turns, magic);
    return exp_of(d, Reduced<V>{turns, NegMulAdd(n, Set(d, log2_low), NegMulAdd(n, Set(d, log2_high), x))});
  }
}

// near where it holds, and whole() elsewhere, which is rarely anywhere
template <class D, class M, class Whole, class V = Vec<D>>
V mostly(D d, M inside, V near, Whole whole) {
  if (HWY_LIKELY(AllTrue(d, inside))) return near;
  return IfThenElse(inside, near, whole());
}

// Highway's, which wraps around where the result is inf, and takes NaN to 0.
template <class D, class V = Vec<D>>
V exp_of(D d, V x) {
  using T = TFromD<D>;
  const V high = Set(d, T(sizeof(T) == sizeof(float) ? 89 : 710));
  const auto whole = [=]() HWY_ATTR { return IfThenElse(IsNaN(x), x, Exp(d, Min(x, high))); };
  if constexpr (sizeof(T) == sizeof(double)) return whole();
  else return mostly(d, Le(Abs(x), Set(d, 87.0f)), exp_near(d, x), whole);
}

// a / b, which takes longer than all around it where vectors are long: for b whose inverse is a normal number
template <class D, class V = Vec<D>>
V quotient([[maybe_unused]] D d, V a, V b) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(TFromD<D>) == sizeof(float)) {
    const V rough = ApproximateReciprocal(b);  // to 14 bits
    return Mul(a, MulAdd(rough, NegMulAdd(b, rough, Set(d, 1.0f)), rough));
  }
#endif
  return Div(a, b);
}

// e^x for x <= 0, but 0 where it would be below the normal numbers: for sums of 1 and more. NaN stays NaN.
template <class D, class V = Vec<D>>
V exp_below(D d, V x) {
  if constexpr (sizeof(TFromD<D>) == sizeof(double)) return exp_of(d, x);
  else return IfThenZeroElse(Lt(x, Set(d, -87.0f)), MulAdd(x, Zero(d), exp_near(d, x)));
}

// Highway's, which knows positive finite numbers.
template <class D, class V = Vec<D>>
V log_of(D d, V x) {
  using Limits = std::numeric_limits<TFromD<D>>;
  const V infinity = Set(d, Limits::infinity());
  const V y = IfThenElse(Lt(x, infinity), Log(d, x), x);
  const V pole = IfThenElse(Eq(x, Zero(d)), Neg(infinity), y);
  return IfThenElse(Lt(x, Zero(d)), Set(d, Limits::quiet_NaN()), pole);
}

// e^x / (1 + e^x) for x < 0, 1 / (1 + e^-x) otherwise: no power of e is above 1
template <class D, class V = Vec<D>>
V sigmoid_of(D d, V x) {
  const V one = Set(d, TFromD<D>(1)), e = exp_of(d, Neg(Abs(x)));
  return quotient(d, IfThenElse(Lt(x, Zero(d)), e, one), Add(one, e));
}

// sigmoid and its derivative, e / (1 + e)^2 with e = e^-|x|
template <class V>
struct SigmoidAndSlope {
  V value, slope;
};

template <class D, class V = Vec<D>>
SigmoidAndSlope<V> sigmoid_and_slope(D d, V x) {
  const V one = Set(d, TFromD<D>(1)), e = exp_of(d, Neg(Abs(x))), r = quotient(d, one, Add(one, e)), small = Mul(e, r);
  return {IfThenElse(Lt(x, Zero(d)), small, r), Mul(small, r)};
}

// Highway's, which wraps around where the result is inf, takes NaN to a number and -0 to 0.
template <class D, class V = Vec<D>>
V expm1_of(D d, V x) {
  using T = TFromD<D>;
  const V high = Set(d, T(sizeof(T) == sizeof(float) ? 89 : 710));
  const V y = Expm1(d, Min(x, high));
  return IfThenElse(Or(IsNaN(x), Eq(x, Zero(d))), x, y);
}

// Highway's, which knows finite numbers above -1.
template <class D, class V = Vec<D>>
V log1p_of(D d, V x) {
  using Limits = std::numeric_limits<TFromD<D>>;
  const V infinity = Set(d, Limits::infinity()), least = Set(d, TFromD<D>(-1));
  const V y = IfThenElse(Lt(x, infinity), Log1p(d, x), x);
  const V pole = IfThenElse(Eq(x, least), Neg(infinity), y);
  return IfThenElse(Lt(x, least), Set(d, Limits::quiet_NaN()), pole);
}

// near(x), and far of the values beyond Highway's range, one by one
template <class D, class Near, class Far, class V = Vec<D>>
V in_turns(D d, V x, Near near, Far far) {
  using T = TFromD<D>;
  const auto inside = Le(Abs(x), Set(d, T(39000)));
  const V y = near(IfThenElseZero(inside, x));
  if (AllTrue(d, inside)) return y;
  HWY_ALIGN T from[MaxLanes(d)], to[MaxLanes(d)];
  Store(x, d, from);
  Store(y, d, to);
  for (size_t i = 0; i < Lanes(d); ++i)
    if (!(std::abs(from[i]) <= T(39000))) to[i] = far(from[i]);
  return Load(d, to);
}
// Below `tiny` they are x and 1 - x^2 / 2, exactly so at 0.
template <class T>
constexpr T tiny = sizeof(T) == sizeof(float) ? T(0x1p-12) : T(0x1p-27);

template <class D, class V = Vec<D>>
V sin_of(D d, V x) {
  const V y = in_turns(
      d, x, [d](V v) HWY_ATTR { return Sin(d, v); }, [](TFromD<D> v) { return std::sin(v); });
  return IfThenElse(Lt(Abs(x), Set(d, tiny<TFromD<D>>)), x, y);
}

template <class D, class V = Vec<D>>
V cos_of(D d, V x) {
  using T = TFromD<D>;
  const V y = in_turns(
      d, x, [d](V v) HWY_ATTR { return Cos(d, v); }, [](T v) { return std::cos(v); });
  return IfThenElse(Lt(Abs(x), Set(d, tiny<T>)), NegMulAdd(Mul(Set(d, T(0.5)), x), x, Set(d, T(1))), y);
}

// c0 + c1 x + c2 x^2 + ... for an even number of coefficients, the even and the odd powers side by side
template <class D, class T, size_t n, class V = Vec<D>>
V polynomial(D d, V x, const std::array<T, n>& c) {
  static_assert(n % 2 == 0);
  const V square = Mul(x, x);
  V even = Set(d, c[n - 2]), odd = Set(d, c[n - 1]);
  for (size_t i = n - 2; i > 0; i -= 2) {
    even = MulAdd(even, square, Set(d, c[i - 2]));
    odd = MulAdd(odd, square, Set(d, c[i - 1]));
  }
  return MulAdd(odd, x, even);
}

// (tanh(x) / x - 1) / x^2 as a polynomial in x^2: interpolated in the Chebyshev points of |x| in [0, 0.55]; the error
// in tanh is below 0.002 of half an ulp
template <class T>
constexpr auto tanh_series = [] {
  if constexpr (sizeof(T) == sizeof(float))
    return std::array{-0.333333333f, 0.133333242f, -0.05396470045f, 0.02181844913f, -0.008526333058f, 0.002526390711f};
  else
    return std::array{-0.333333333333333333,    0.133333333333333121,      -0.0539682539682203745,
                      0.0218694885340739077,    -0.00886323546314680007,   0.00359212676996263471,
                      -0.00145581909715135121,  0.0005899052969492733,     -0.000238472724801525213,
                      0.0000945513305292485796, -0.0000337208011204631638, 7.8742743453444191e-6};
}();

// The series, and 1 - 2 / (e^2|x| + 1) from 0.55 on, where the quotient is at most 1/2
template <class D, class V = Vec<D>>
V tanh_of(D d, V x) {
  using T = TFromD<D>;
  const V one = Set(d, T(1)), two = Set(d, T(2)), t = Abs(x), square = Mul(t, t);
  const V near = MulAdd(Mul(t, square), polynomial(d, square, tanh_series<T>), t);
  const V most = Set(d, T(20));  // where it is 1
  const V far = Sub(one, quotient(d, two, Add(exp_near(d, Mul(two, Min(t, most))), one)));
  const V y = CopySign(IfThenElse(Lt(t, Set(d, T(0.55))), near, far), x);
  return IfThenElse(IsNaN(x), x, y);
}

// (t + 4) P(X > t) e^(t^2 / 2), X standard normal, t >= 0, as a polynomial in (t - 4) / (t + 4): interpolated in the
// Chebyshev points of t in [0, 15] and [0, 39], relative error 0.23 and 0.04 of half an ulp. The form is that of
// M. M. Shepherd and J. G. Laframboise, Math. Comp. 36 (1981) 249-253.
template <class T>
constexpr auto tail_series = [] {
  if constexpr (sizeof(T) == sizeof(float))
    return std::array{0.7552851386f,    -0.6078965941f,   0.3871366831f,   -0.1865233068f,   0.06040618551f,
                      -0.007525402418f, -0.003520972824f, 0.001566881688f, 0.0001889965194f, -0.0001255583856f};
  else
    return std::array{
        0.755285130415751493,    -0.607896641971892108,    0.387137400742214541,    -0.186521857959657247,
        0.0603965748909365607,   -0.00754018896672679157,  -0.00347969236739359515, 0.00163081845758870119,
        0.000133344312409645737, -0.000231094935169459014, -1.90825847977343311e-6, 0.000035144686053003463,
        7.16666324522103119e-7,  -5.92017332301610292e-6,  -6.29696560581582333e-7, 1.02155403719610153e-6,
        2.71804529625928358e-7,  -1.54964917422474505e-7,  -8.54084181568512498e-8, 1.32807977873103278e-8,
        1.96196108613555597e-8,  1.91827702037334026e-9,   -2.52209945787807354e-9, -7.2624198104095793e-10};
}();

// e^(-t^2 / 2), t >= 0. The rounding error of the square counts up to 760 times in it, so it is made up for, or, where
// the result is a normal number, not made.
template <class D, class V = Vec<D>>
V bell_of(D d, V t) {
  using T = TFromD<D>;
  const V half = Set(d, T(0.5));
  const auto whole = [=]() HWY_ATTR {
    const V square = Mul(t, t);
#if HWY_NATIVE_FMA
    const V error = MulSub(t, t, square);
#else  // T. J. Dekker, Numer. Math. 18 (1971) 224-242
    const auto high_bits = Set(RebindToUnsigned<D>(), sizeof(T) == sizeof(float) ? 0xFFFFF000 : 0xFFFFFFFFF8000000);
    const V high = And(t, BitCast(d, high_bits)), low = Sub(t, high);
    const V error = Add(Add(Sub(Mul(high, high), square), Mul(Add(high, high), low)), Mul(low, low));
#endif
    const V rough = Exp(d, Neg(Mul(half, square)));
    return NegMulAdd(Mul(half, error), rough, rough);
  };
#if HWY_NATIVE_FMA
  if constexpr (sizeof(T) == sizeof(float)) {
    const V h = Mul(t, Set(d, -0.5f)), magic = Set(d, 0x1.8p23f);
    const V turns = MulAdd(Mul(h, t), Set(d, 1.44269504f), magic), n = Sub(turns, magic);
    const V r = NegMulAdd(n, Set(d, log2_low), MulAdd(h, t, Mul(n, Set(d, -log2_high))));
    return mostly(d, Le(t, Set(d, 13.0f)), exp_of(d, Reduced<V>{turns, r}), whole);
  }
#endif
  return whole();
}

// P(X > t) = ratio e, with e = e^(-t^2 / 2), for t = |x| cut where both are 0
template <class V>
struct NormalTail {
  V t, ratio, e;
};

template <class D, class V = Vec<D>>
NormalTail<V> normal_tail(D d, V x) {
  using T = TFromD<D>;
  const V t = IfThenElse(IsNaN(x), x, Min(Abs(x), Set(d, T(sizeof(T) == sizeof(float) ? 15 : 39))));
  const V scale = quotient(d, Set(d, T(1)), Add(t, Set(d, T(4)))), u = Mul(Sub(t, Set(d, T(4))), scale);
  return {t, Mul(polynomial(d, u, tail_series<T>), scale), bell_of(d, t)};
}

// erf(x) / x as a polynomial in x^2: the Taylor series, 2 / sqrt(pi) (-1)^k / (k! (2 k + 1)), enough of it for |x| <
// 0.6
template <class T>
constexpr auto erf_series = [] {
  std::array<T, sizeof(T) == sizeof(float) ? 8 : 14> c{};
  long double term = 2 * std::numbers::inv_sqrtpi_v<long double>;
  for (size_t k = 0; k < c.size(); ++k) {
    c[k] = static_cast<T>(term / static_cast<long double>(2 * k + 1));
    term /= -static_cast<long double>(k + 1);
  }
  return c;
}();

// The series, and 1 - 2 P(X > |x| sqrt 2), X standard normal, from 0.6 on
template <class D, class V = Vec<D>>
V erf_of(D d, V x) {
  using T = TFromD<D>;
  const V t = Abs(x);
  const auto tail = normal_tail(d, Mul(t, Set(d, std::numbers::sqrt2_v<T>)));
  const V far = NegMulAdd(Mul(Set(d, T(2)), tail.ratio), tail.e, Set(d, T(1)));
  const V near = Mul(t, polynomial(d, Mul(t, t), erf_series<T>));
  return CopySign(IfThenElse(Lt(t, Set(d, T(0.6))), near, far), x);
}

}  // namespace heed::kernels::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
