#include <heed/ops/kernels/gemm.h>
#include <heed/ops/kernels/matmul.h>
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>
#include <vector>
#include "catch.h"
#include "worst.h"

using heed::kernels::Start;
using heed::kernels::Strided;

namespace {

template <class T>
struct Matrix {  // random values, stored row by row or column by column, or with gaps between all of them
  enum Order { rows, columns, apart };
  std::vector<T> values;
  int64_t row, column;
  Matrix(int64_t n, int64_t m, Order order, unsigned seed) {
    row = order == columns ? 1 : order == apart ? 2 * m + 1 : m + 3;
    column = order == columns ? n + 2 : order == apart ? 2 : 1;
    values.resize(static_cast<size_t>(n * row + m * column + 1));
    std::mt19937 generator(seed);
    std::uniform_real_distribution<T> uniform(-1, 1);
    for (T& v : values) v = uniform(generator);
  }
  Strided<T> view() const { return {values.data(), row, column}; }
};

template <class T>
heed::Array array(int64_t n, int64_t m, Strided<T> x) {
  heed::Array r({n, m}, heed::dtype_of<T>);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) r.template mutable_data<T>()[i * m + j] = *x.from(i, j).data;
  return r;
}

using Real = long double;

// start + alpha a b by the reference loop, of what `of` makes of each value.
template <class R, class T, class F>
std::vector<R> product(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start, F of) {
  const auto all = [of](int64_t rows, int64_t columns, Strided<T> x) {
    std::vector<R> r;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) r.push_back(of(R(*x.from(i, j).data)));
    return r;
  };
  const std::vector<R> left = all(m, k, a), right = all(n, k, b.transposed());
  const std::vector<R> from = start.data ? all(m, n, {start.data, start.row, 1}) : std::vector<R>();
  std::vector<R> c(static_cast<size_t>(m * n));
  heed::kernels::reference::gemm<R>(m, n, k, of(R(alpha)), {left.data(), k, 1}, {right.data(), 1, k},
                                    {start.data ? from.data() : nullptr, n}, c.data(), n);
  return c;
}
template <class T>
std::vector<Real> exact(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start) {
  return product<Real>(m, n, k, alpha, a, b, start, [](Real x) { return x; });
}
// |error| <= (k + 3) u (|alpha| |a| |b| + |start|), u = epsilon / 2 (Higham 2002, 3.5). The sum is one of doubles, less
// what it may be too large, as it takes half the time.
template <class T>
std::vector<Real> bound(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start) {
  const std::vector<double> sizes = product<double>(m, n, k, alpha, a, b, start, [](double x) { return std::abs(x); });
  const Real by = Real(k + 3) * (std::numeric_limits<T>::epsilon() / 2) *
                  (1 - Real(k + 3) * std::numeric_limits<double>::epsilon());
  std::vector<Real> r;
  for (const double size : sizes) r.push_back(by * size);
  return r;
}

// Every kernel against the reference; nothing between the rows of c is written.
template <class T>
void check(int64_t m, int64_t n, int64_t k, Strided<T> a, Strided<T> b, int from, T alpha) {
  CAPTURE(m, n, k, from, alpha, a.row, a.column, b.row, b.column);
  const int64_t c_row = n + 1;
  const T untouched = T(77);
  std::vector<T> c(static_cast<size_t>(m * c_row), untouched), before(c.size());
  std::mt19937 generator(5);
  std::uniform_real_distribution<T> uniform(-1, 1);
  for (T& v : before) v = uniform(generator);
  if (from == 2)  // on top of what is there
    for (int64_t i = 0; i < m; ++i) std::copy_n(before.data() + i * c_row, n, c.data() + i * c_row);
  const Start<T> start = from == 0 ? Start<T>{} : from == 1 ? Start<T>{before.data(), 0} : Start<T>{c.data(), c_row};
  const std::vector<Real> want = exact<T>(m, n, k, alpha, a, b, start), most = bound<T>(m, n, k, alpha, a, b, start);
  std::vector<T> by_panels = c, of_panels = c;
  heed::kernels::gemm<T>(m, n, k, alpha, a, b, start, c.data(), c_row);
  {
    const auto start_of = [&](const std::vector<T>& y) { return from == 2 ? Start<T>{y.data(), c_row} : start; };
    const int64_t height = heed::kernels::tile_height();
    std::vector<T> packed(static_cast<size_t>(heed::kernels::packed_size(n, k)));
    std::vector<T> rows(static_cast<size_t>(heed::ceil_div(m, height) * height * k));
    heed::kernels::pack<T>(n, k, b, packed.data());
    heed::kernels::pack_rows<T>(m, k, a, rows.data());
    heed::kernels::gemm_packed<T>(m, n, k, alpha, a, packed.data(), start_of(by_panels), by_panels.data(), c_row);
    heed::kernels::gemm_packed<T>(m, n, k, alpha, rows.data(), packed.data(), start_of(of_panels), of_panels.data(),
                                  c_row);
  }
  const int64_t turned_row = m + 1;
  std::vector<T> turned(static_cast<size_t>(n * turned_row), untouched);
  const std::vector<T> bias(before.begin(), before.begin() + std::min<std::ptrdiff_t>(m, std::ssize(before)));
  if (k > 0) {
    std::vector<T> packed(static_cast<size_t>(heed::kernels::packed_size(n, k)));
    heed::kernels::pack<T>(n, k, b, packed.data());
    heed::kernels::gemm_transposed<T>(m, n, k, a, packed.data(), from ? bias.data() : nullptr, turned.data(),
                                      turned_row);
  }
  const Start<T> under{from ? bias.data() : nullptr};
  const std::vector<Real> want_turned = exact<T>(n, m, k, 1, b.transposed(), a.transposed(), under),
                          most_turned = bound<T>(n, m, k, 1, b.transposed(), a.transposed(), under);
  for (int64_t i = 0; i < m; ++i) {
    for (const std::vector<T>& y : {std::cref(c), std::cref(by_panels), std::cref(of_panels)})
      REQUIRE(y[static_cast<size_t>(i * c_row + n)] == untouched);
    for (int64_t j = 0; j < n; ++j) {
      const auto at = static_cast<size_t>(i * c_row + j), in = static_cast<size_t>(i * n + j);
      REQUIRE(std::abs(c[at] - want[in]) <= most[in]);
      REQUIRE(std::abs(by_panels[at] - want[in]) <= most[in]);
      REQUIRE(of_panels[at] == by_panels[at]);
      if (k == 0) continue;
      const auto across = static_cast<size_t>(j * m + i);
      REQUIRE(std::abs(turned[static_cast<size_t>(j * turned_row + i)] - want_turned[across]) <= most_turned[across]);
      REQUIRE(turned[static_cast<size_t>(j * turned_row + m)] == untouched);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("products in one thread, of every shape and stride", "[gemm]", float, double) {
  using T = TestType;
  using Order = typename Matrix<T>::Order;
  const int64_t m = GENERATE(1, 2, 5, 14, 15, 29, 115), n = GENERATE(1, 3, 16, 31, 32, 33, 97);
  const int64_t k = GENERATE(0, 1, 7, 64, 801);
  for (const Order of_a : {Matrix<T>::rows, Matrix<T>::columns, Matrix<T>::apart})
    for (const Order of_b : {Matrix<T>::rows, Matrix<T>::columns, Matrix<T>::apart}) {
      const Matrix<T> a(m, k, of_a, 1), b(k, n, of_b, 2);
      check<T>(m, n, k, a.view(), b.view(), (of_a + of_b) % 3, of_a == of_b ? T(1) : T(-0.5));
    }
}

TEST_CASE("a product a row and a column larger than what is worked on at a time", "[gemm]") {
  const auto compare = []<class T>(T) {
    const int64_t m = 113, n = 257, k = 3072 / int64_t(sizeof(T));
    const Matrix<T> a(m, k, Matrix<T>::rows, 1), b(k, n, Matrix<T>::rows, 2);
    check<T>(m, n, k, a.view(), b.view(), 1, 1);
  };
  compare(float()), compare(double());
}

TEST_CASE("a product with bf16 has the bits of the one with its values as floats", "[gemm]") {
  const int64_t m = GENERATE(1, 2, 15, 90), n = GENERATE(1, 3, 33, 97, 1100), k = GENERATE(0, 1, 7, 67, 801);
  using Order = Matrix<float>::Order;
  for (const Order of_a : {Order::rows, Order::columns})
    for (const Order of_b : {Order::rows, Order::columns, Order::apart}) {
      CAPTURE(m, n, k, of_a, of_b);
      const Matrix<float> a(m, k, of_a, 1);
      Matrix<float> b(k, n, of_b, 2);
      std::vector<heed::BFloat16> stored;
      for (float& v : b.values) v = float(stored.emplace_back(v));
      std::vector<float> wide(static_cast<size_t>(m * n)), narrow(wide.size());
      const Matrix<float> row(1, n, Order::rows, 3);
      const Start<float> start{row.values.data()};
      heed::kernels::gemm<float>(m, n, k, 0.5f, a.view(), b.view(), start, wide.data(), n);
      heed::kernels::gemm(m, n, k, 0.5f, a.view(), {stored.data(), b.row, b.column}, start, narrow.data(), n);
      REQUIRE(wide == narrow);
    }
}

TEMPLATE_TEST_CASE("rows that fall on the same lines of the cache are packed", "[gemm]", float, double) {
  using T = TestType;
  const int64_t lead = 4096 / int64_t(sizeof(T)), m = 31, n = 37, k = 40;
  const Matrix<T> b(k, n, Matrix<T>::rows, 2);
  std::vector<T> values(static_cast<size_t>(64 * lead));
  for (size_t i = 0; i < values.size(); ++i) values[i] = T(i % 19) / 19;
  for (const Strided<T> a : {Strided<T>{values.data(), lead, 1}, Strided<T>{values.data(), 1, lead}}) {
    CHECK(heed::kernels::packs_left(k, a));
    check<T>(m, n, k, a, b.view(), 1, T(1));
  }
  CHECK(!heed::kernels::packs_left(k, b.view()));
}

TEMPLATE_TEST_CASE("a product of tiles is the product, bit for bit", "[gemm]", float, double) {
  using T = TestType;
  const int64_t m = 90, n = 130, k = 900;
  const Matrix<T> a(m, k, Matrix<T>::rows, 1), b(k, n, Matrix<T>::columns, 2);
  std::vector<T> whole(static_cast<size_t>(m * n)), tiled(whole.size());
  heed::kernels::gemm<T>(m, n, k, 1, a.view(), b.view(), {}, whole.data(), n);
  for (int64_t i = 0; i < m; i += 37)
    for (int64_t j = 0; j < n; j += 64)
      heed::kernels::gemm<T>(std::min<int64_t>(37, m - i), std::min<int64_t>(64, n - j), k, 1, a.view().from(i, 0),
                             b.view().from(0, j), {}, tiled.data() + i * n + j, n);
  CHECK(whole == tiled);
}

TEMPLATE_TEST_CASE("a small product is that part of a large one, bit for bit", "[gemm]", float, double) {
  using T = TestType;
  using Order = typename Matrix<T>::Order;
  const int64_t m = GENERATE(2, 5, 6, 14, 15, 29), n = GENERATE(2, 7, 8, 15, 16, 17, 31, 32, 33),
                k = GENERATE(1, 40, 800);
  const Order order = GENERATE(Matrix<T>::rows, Matrix<T>::columns);
  CAPTURE(m, n, k, order);
  const int64_t rows = 90, columns = 66;
  const Matrix<T> a(rows, k, order, 1), b(k, columns, order, 2);
  std::vector<T> large(static_cast<size_t>(rows * columns)), small(static_cast<size_t>(m * n));
  heed::kernels::gemm<T>(rows, columns, k, 1, a.view(), b.view(), {}, large.data(), columns);
  heed::kernels::gemm<T>(m, n, k, 1, a.view().from(3, 0), b.view().from(0, 5), {}, small.data(), n);
  for (int64_t i = 0; i < m; ++i)
    REQUIRE(std::equal(small.begin() + i * n, small.begin() + (i + 1) * n, large.begin() + (i + 3) * columns + 5));
}

TEMPLATE_TEST_CASE("a product packed part by part is the product, bit for bit", "[gemm]", float, double) {
  using T = TestType;
  using Order = typename Matrix<T>::Order;
  const Order order = GENERATE(Matrix<T>::rows, Matrix<T>::columns);
  struct Size {
    int64_t n, m, k;
  };
  const auto size = GENERATE(Size{100, 1500, 850}, Size{300, 1500, 1700}, Size{3100, 1000, 800}, Size{2100, 1200, 900},
                             Size{300, 500, 6913}, Size{300, 3100, 1024});
  const int64_t n = size.n, m = size.m, k = size.k;  // more than is packed at a time
  CAPTURE(n, m, k);
  const Matrix<T> a(n, k, order, 1), b(k, m, Matrix<T>::rows, 2), bias(1, m, Matrix<T>::rows, 3);
  const heed::Array left =
      order == Matrix<T>::rows ? array(n, k, a.view()) : array(k, n, a.view().transposed()).transposed(0, 1);
  const heed::Array y = heed::kernels::matmul(left, array(k, m, b.view()), array(1, m, bias.view()).reshaped({m}));
  std::vector<T> want(static_cast<size_t>(n * m));
  heed::kernels::gemm<T>(n, m, k, 1, a.view(), b.view(), {bias.values.data(), 0}, want.data(), m);
  CHECK(std::equal(want.begin(), want.end(), y.template data<T>()));
}

TEMPLATE_TEST_CASE(
    "products in tiles: what several tasks read is packed once, few rows by a wide weight are transposed", "[gemm]",
    float, double) {
  using T = TestType;
  struct Case {
    int64_t n, m, k;
    bool weight;  // b lies transposed
  };
  const auto c = GENERATE(Case{530, 200, 70, false}, Case{530, 200, 70, true}, Case{2060, 130, 20, false},
                          Case{2060, 130, 1000, true}, Case{20, 430, 300, true}, Case{256, 520, 260, true},
                          Case{20, 430, 300, false}, Case{2, 4200, 260, true});
  const bool biased = GENERATE(false, true);
  CAPTURE(c.n, c.m, c.k, c.weight, biased);
  const Matrix<T> a(c.n, c.k, Matrix<T>::rows, 1), b(c.k, c.m, c.weight ? Matrix<T>::columns : Matrix<T>::rows, 2);
  const heed::Array right =
      c.weight ? array(c.m, c.k, b.view().transposed()).transposed(0, 1) : array(c.k, c.m, b.view());
  const heed::Array bias = array(1, c.m, b.view()).reshaped({c.m});
  const heed::Array y = heed::kernels::matmul(array(c.n, c.k, a.view()), right, biased ? bias : heed::Array());
  REQUIRE(y.shape() == heed::Shape{c.n, c.m});
  const Start<T> under{biased ? bias.template data<T>() : nullptr};
  const std::vector<Real> want = exact<T>(c.n, c.m, c.k, 1, a.view(), b.view(), under),
                          most = bound<T>(c.n, c.m, c.k, 1, a.view(), b.view(), under);
  Real worst = 0;  // error by what it may be
  for (size_t i = 0; i < want.size(); ++i)
    worst = heed::worse(worst, std::abs(y.template data<T>()[i] - want[i]) / most[i]);
  REQUIRE(worst <= 1);
}
