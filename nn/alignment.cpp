#include "alignment.h"
#include "../core/mode.h"
#include "../ops/checks.h"

namespace heed {
namespace {

// The weights of a page, and which of its rows and keys count.
struct Page {
  Tensor w;           // [.., T, S]
  Tensor rows, keys;  // of w's type, 0 or 1: [.., T], [.., S]

  Page(const char* op, const In& weights, const AlignmentOptions& o) : w(weights) {
    const Where at = line_of(weights);
    check_floating(op, at, w);
    if (w.dim() < 2) fail<ShapeError>(at, op, "the weights must be [.., T, S], not " + w.shape().str());
    rows = counting(op, at, "rows", o.rows, w.shape().without(w.dim() - 1));
    keys = counting(op, at, "keys", o.keys, w.shape().without(w.dim() - 2));
  }
  Tensor counting(const char* op, Where at, const char* what, const Tensor& mask, const Shape& shape) const {
    if (!mask.defined()) return ones(shape, w.dtype());
    check_boolean(op, at, mask);
    check_over(op, at, what, mask, "", shape);
    return cast(broadcast_to(mask, shape), w.dtype());
  }

  Tensor mean_over_rows(const Tensor& x) const { return sum(x * rows, -1) / maximum(sum(rows, -1), 1); }  // [.., T]
  Tensor largest() const { return cast(argmax(where(unsqueeze(keys, -2) > 0, w, -1), -1), w.dtype()); }   // [.., T]

  // The key of the diagonal in each row: [.., T]
  Tensor line(Diagonal diagonal) const {
    const Tensor last_row = sum(rows, -1, keepdim) - 1, last_key = sum(keys, -1, keepdim) - 1;
    const Tensor s = arange(w.size(-2), w.dtype()) * (last_key / maximum(last_row, 1));
    return diagonal == Diagonal::main ? s : last_key - s;
  }
};

}  // namespace

Tensor diagonal_mass(In weights, Diagonal diagonal, double width, const AlignmentOptions& options) {
  const Page p("diagonal_mass", weights, options);
  Scope here{weights};
  const Tensor distance = abs(arange(p.w.size(-1), p.w.dtype()) - unsqueeze(p.line(diagonal), -1));
  return p.mean_over_rows(sum(where(distance <= width, p.w * unsqueeze(p.keys, -2), 0), -1));
}

Tensor monotonicity(In weights, Diagonal diagonal, const AlignmentOptions& options) {
  const Page p("monotonicity", weights, options);
  Scope here{weights};
  return p.mean_over_rows(abs(p.largest() - p.line(diagonal)));
}

Tensor entropy(In p) {
  check_floating("entropy", line_of(p), p);
  Scope here{p};
  return -sum(p * log(where(p > 0, p, 1)), -1);
}

Tensor mean_entropy(In weights, const AlignmentOptions& options) {
  const Page p("mean_entropy", weights, options);
  Scope here{weights};
  return p.mean_over_rows(entropy(p.w * unsqueeze(p.keys, -2)));
}

Tensor coverage(In weights, const AlignmentOptions& options) {
  const Page p("coverage", weights, options);
  Scope here{weights};
  return sum(p.w * unsqueeze(p.rows, -1), -2);
}

Tensor coverage_penalty(In weights, const AlignmentOptions& options) {
  const Page p("coverage_penalty", weights, options);
  Scope here{weights};
  return sum(square(1 - coverage(weights, options)) * p.keys, -1);
}

// ---- against gold
namespace {

AlignmentOptions of_gold(const char* op, const In& weights, const In& gold) {
  check_boolean(op, line_of(weights), gold);
  if (gold->shape() != weights->shape())
    fail<ShapeError>(
        line_of(weights), op,
        "gold must be of the shape of the weights, " + weights->shape().str() + ", not " + gold->shape().str());
  return {.rows = any(gold, -1)};
}
// 1 where the largest weight of a row is on a gold key: [.., T]
Tensor hits(const Page& p, const Tensor& gold) {
  const Tensor links = arange(p.w.size(-1), p.w.dtype()) == unsqueeze(p.largest(), -1);
  return cast(any(links & gold, -1), p.w.dtype());
}

}  // namespace

Tensor gold_mass(In weights, In gold) {
  const Page p("gold_mass", weights, of_gold("gold_mass", weights, gold));
  Scope here{weights};
  return p.mean_over_rows(sum(where(gold, p.w, 0), -1));
}

Tensor argmax_accuracy(In weights, In gold) {
  const Page p("argmax_accuracy", weights, of_gold("argmax_accuracy", weights, gold));
  Scope here{weights};
  return p.mean_over_rows(hits(p, gold));
}

Tensor alignment_error_rate(In weights, In gold, const AlignmentOptions& options) {
  of_gold("alignment_error_rate", weights, gold);
  const Page p("alignment_error_rate", weights, options);
  Scope here{weights};
  const Tensor found = sum(hits(p, gold) * p.rows, -1), said = sum(p.rows, -1);
  const Tensor true_links = sum(sum(cast(gold, p.w.dtype()), -1) * p.rows, -1);
  const Tensor links = said + true_links;
  return where(links > 0, 1 - 2 * found / maximum(links, 1), 0);
}

}  // namespace heed
