// Functions of one vector, for the files of this folder: included after <hwy/contrib/math/math-inl.h>, once for each
// instruction set.
#if defined(HEED_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HEED_MATH_INL
#undef HEED_MATH_INL
#else
#define HEED_MATH_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

using namespace hwy::HWY_NAMESPACE;

// Highway's, kept to where it holds: it wraps around beyond these bounds, where the result is 0 or inf.
template <class D, class V = Vec<D>>
V exp_of(D d, V x) {
  using T = TFromD<D>;
  constexpr bool single = sizeof(T) == sizeof(float);
  const V low = Set(d, T(single ? -104 : -746)), high = Set(d, T(single ? 89 : 710));
  return IfThenElse(IsNaN(x), x, Exp(d, Min(Max(x, low), high)));
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
  return Div(IfThenElse(Lt(x, Zero(d)), e, one), Add(one, e));
}

// (t + 4) P(X > t) e^(t^2 / 2), X standard normal, t >= 0, as a polynomial in (t - 4) / (t + 4): interpolated in the
// Chebyshev points of t in [0, 15] and [0, 39], relative error 0.05 and 0.04 of half an ulp. The form is that of
// M. M. Shepherd and J. G. Laframboise, Math. Comp. 36 (1981) 249-253.
template <class T>
constexpr auto upper_tail = [] {
  if constexpr (sizeof(T) == sizeof(float))
    return std::array{0.7552851306f,    -0.6078966591f,    0.387137368f,     -0.1865212814f,
                      0.06039753309f,   -0.007545268266f,  -0.003489317276f, 0.001645219297f,
                      0.0001710546116f, -0.0002317986783f, -5.15565933e-5f};
  else
    return std::array{
        0.755285130415751493,    -0.607896641971892108,    0.387137400742214541,    -0.186521857959657247,
        0.0603965748909365607,   -0.00754018896672679157,  -0.00347969236739359515, 0.00163081845758870119,
        0.000133344312409645737, -0.000231094935169459014, -1.90825847977343311e-6, 0.000035144686053003463,
        7.16666324522103119e-7,  -5.92017332301610292e-6,  -6.29696560581582333e-7, 1.02155403719610153e-6,
        2.71804529625928358e-7,  -1.54964917422474505e-7,  -8.54084181568512498e-8, 1.32807977873103278e-8,
        1.96196108613555597e-8,  1.91827702037334026e-9,   -2.52209945787807354e-9, -7.2624198104095793e-10};
}();

template <class V>
struct Normal {
  V x, below, density;  // x, cut where the tails are 0, P(X < x), and the density there
};

// The standard normal distribution, to full relative accuracy in the lower tail.
template <class D, class V = Vec<D>>
Normal<V> normal_of(D d, V x) {
  using T = TFromD<D>;
  const V bound = Set(d, T(sizeof(T) == sizeof(float) ? 15 : 39));
  const V cut = IfThenElse(IsNaN(x), x, Min(Max(x, Neg(bound)), bound)), t = Abs(cut);

  // e^(-t^2 / 2): the rounding error of the square counts 760 times at the far end, so it is made up for (Dekker 1971).
  const RebindToUnsigned<D> bits;
  const V high = And(t, BitCast(d, Set(bits, sizeof(T) == sizeof(float) ? 0xFFFFF000 : 0xFFFFFFFFF8000000)));
  const V low = Sub(t, high), square = Mul(t, t);
  const V error = MulAdd(low, low, MulAdd(Add(high, high), low, Sub(Mul(high, high), square)));
  const V half = Set(d, T(0.5)), rough = exp_of(d, Neg(Mul(half, square)));
  const V e = NegMulAdd(Mul(half, error), rough, rough);

  const V four = Set(d, T(4)), scale = Div(Set(d, T(1)), Add(t, four)), u = Mul(Sub(t, four), scale);
  V polynomial = Set(d, upper_tail<T>.back());
  for (size_t i = upper_tail<T>.size() - 1; i-- > 0;) polynomial = MulAdd(polynomial, u, Set(d, upper_tail<T>[i]));
  const V tail = Mul(e, Mul(polynomial, scale));
  return {cut, IfThenElse(Lt(cut, Zero(d)), tail, Sub(Set(d, T(1)), tail)), Mul(e, Set(d, T(0.3989422804014326779)))};
}

}  // namespace heed::kernels::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
