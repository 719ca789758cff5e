#pragma once
// ---- inside gradcheck: slopes of a function from its values alone, each with a bound on its own error
#include <limits>
#include <string>
#include <vector>
#include "function_ref.h"
#include "tensor.h"

namespace heed::checking {

struct Variable {  // a leaf whose values this check alone holds, so that it can move them
  std::string name;
  Tensor tensor;
  double* values() const { return Array(tensor.array()).mutable_data<double>(); }
  std::size_t size() const { return std::size_t(tensor.numel()); }
};

struct Difference {
  double central = 0;        // (f(x + h) - f(x - h)) / 2h
  double bend = 0;           // the slope to the right minus the slope to the left
  double low = 0, high = 0;  // the smaller and the larger of the two, output by output
  double noise = 0;          // what rounding may have added to each f
  Difference& operator+=(const Difference& o);
};

struct Slope {
  double value = 0, bound = std::numeric_limits<double>::infinity();
  enum { smooth, corner, jump } kind = smooth;             // what f looks like where no bound is small
  double low = 0, high = 0;                                // the slopes on the two sides of a corner
  double slack = std::numeric_limits<double>::infinity();  // and what they may be wrong by
};

class Function {  // all floating outputs in one row
 public:
  using Evaluate = FunctionRef<std::vector<Tensor>()>;
  // f reads the variables; it gave y. gy: the gradients of the outputs, undefined for those that are not floating.
  // Noise is looked for at so many spacings: with one, only where it is above what f itself does over 2^-28 of x.
  Function(Evaluate f, std::span<const Variable> variables, const std::vector<Tensor>& y, const std::vector<Tensor>& gy,
           int spacings = 5);

  const std::vector<double>& base() const { return base_; }    // the outputs where the variables are
  const std::vector<double>& noise() const { return noise_; }  // what rounding was seen to do to each

  // Along one element: of the sum of all outputs times their gradients. Wide steps across corners or jumps may agree on
  // a slope by chance: where it is not the claimed one, closer steps are taken too, and are right where they disagree.
  Slope slope(double* x, double claimed = std::numeric_limits<double>::quiet_NaN());
  // Along x + h u: of every output.
  std::vector<Slope> slopes(std::span<double> x, std::span<const double> u, std::span<const double> claimed = {});

  // An output that moved although it has no history, since the last call; -1 if there is none.
  int detached_output();

 private:
  struct Output {
    std::size_t number, end;
    bool tracked;
  };
  struct Moved;

  void evaluate(std::vector<double>& values) const;
  void measure_noise(int spacings);
  Slope slope_from(double* x, int exponent);  // of the first step, relative to x if that is above 1
  std::vector<Slope> slopes_from(std::span<double> x, std::span<const double> u, int exponent);
  Difference difference(std::size_t output, double weight, double h);  // between up_ and down_

  Evaluate f_;
  std::span<const Variable> variables_;
  std::vector<Output> outputs_;
  std::vector<double> weights_, base_, noise_, up_, down_;
  std::vector<char> changed_;
};

}  // namespace heed::checking
