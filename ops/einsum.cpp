#include <algorithm>
#include "../core/mode.h"
#include "checks.h"
#include "ops.h"

namespace heed {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool has(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

struct Operand {
  Tensor x;
  std::string labels;  // of its dimensions: letters, and digits for what "..." stands for, 0 the last
};

// ---- the equation, read and checked
class Equation {
 public:
  Where at;
  std::vector<Operand> operands;
  std::string output;

  Equation(Where called, std::string_view text, std::span<const Tensor> x) : at(called), text_(text) {
    std::string rest;
    std::copy_if(text.begin(), text.end(), std::back_inserter(rest), [](char c) { return c != ' '; });
    const std::size_t arrow = rest.find("->");
    std::vector<std::string> terms(1);
    for (char c : rest.substr(0, arrow))
      if (c == ',') terms.emplace_back();
      else terms.back() += c;
    if (terms.size() != x.size())
      refuse("it has " + std::to_string(terms.size()) + " operands, not the " + std::to_string(x.size()) + " given");
    for (std::size_t i = 0; i < x.size(); ++i) {
      check_floating("einsum", at, x[i]);
      check_same_dtype("einsum", at, x[0].dtype(), x[i].dtype());
      const std::size_t letters = terms[i].size() - (has_dots(terms[i]) ? 3 : 0);
      const int others = x[i].dim() - int(letters);
      if (has_dots(terms[i]) ? others < 0 : others != 0)
        refuse("operand " + std::to_string(i) + " has " + std::to_string(letters) + " letters, its shape is " +
               x[i].shape().str());
      operands.push_back({x[i], labels(terms[i], others)});
      all_ += operands.back().labels;
    }
    measure();
    output = arrow == std::string::npos ? implied_output() : labels(rest.substr(arrow + 2), dots());
    for (char c : output)
      if (!has(all_, c)) refuse("no operand has " + name(c));
      else if (std::count(output.begin(), output.end(), c) > 1) refuse("the result has " + name(c) + " twice");
    check_rank("einsum", at, int(output.size()));
  }

  int64_t size(char label) const { return size_[slot(label)]; }

 private:
  static std::size_t slot(char label) { return static_cast<unsigned char>(label); }
  static bool has_dots(const std::string& term) { return term.find("...") != std::string::npos; }
  static std::string name(char label) {
    return is_letter(label) ? std::string(1, label) : "dimension -" + std::to_string(label - '0' + 1) + " of ...";
  }
  [[noreturn]] void refuse(const std::string& why) const { fail<ShapeError>(at, "einsum", '"' + text_ + "\": " + why); }
  int dots() const {  // how many dimensions "..." stands for
    int n = 0;
    while (has(all_, char('0' + n))) ++n;
    return n;
  }
  // A term with digits for its "...".
  std::string labels(std::string term, int count) const {
    const std::size_t place = term.find("...");
    if (place != std::string::npos) term.erase(place, 3);
    for (char c : term)
      if (!is_letter(c)) refuse(std::string("'") + c + "' is not a letter");
    for (char digit = '0'; place != std::string::npos && count-- > 0; ++digit) term.insert(place, 1, digit);
    return term;
  }
  void measure() {
    std::array<std::size_t, 128> from{};
    size_.fill(1);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const auto& [x, labels] = operands[i];
      for (std::size_t d = 0; d < labels.size(); ++d) {
        const std::size_t label = slot(labels[d]);
        const int64_t n = x.size(int(d)), first = x.size(int(labels.find(labels[d])));
        if (n != first)
          refuse(name(labels[d]) + " is " + std::to_string(first) + " and " + std::to_string(n) + " in operand " +
                 std::to_string(i));
        if (n == 1) continue;
        if (size_[label] != 1 && size_[label] != n)
          refuse(name(labels[d]) + " is " + std::to_string(size_[label]) + " in operand " +
                 std::to_string(from[label]) + " and " + std::to_string(n) + " in operand " + std::to_string(i));
        size_[label] = n;
        from[label] = i;
      }
    }
  }
  std::string implied_output() const {
    std::string y = labels("...", dots()), sorted = all_;
    std::sort(sorted.begin(), sorted.end());
    for (char c : sorted)
      if (is_letter(c) && std::count(all_.begin(), all_.end(), c) == 1) y += c;
    return y;
  }

  std::string text_, all_;
  std::array<int64_t, 128> size_{};
};

// ---- its value
Shape sizes(const Equation& e, const std::string& labels) {
  Shape s;
  for (char c : labels) s.push_back(e.size(c));
  return s;
}

// Dimensions of one letter become their diagonal; those of size 1 that others stretch are dropped.
Operand distinct(const Equation& e, Operand a) {
  for (std::size_t i = 0; i < a.labels.size();) {
    const char c = a.labels[i];
    const std::size_t again = a.labels.find(c, i + 1);
    if (again != std::string::npos) {
      a.x = diagonal(a.x, 0, int(i), int(again));
      a.labels.erase(again, 1);
      a.labels.erase(i, 1);
      a.labels += c;
    } else if (a.x.size(int(i)) != e.size(c)) {
      a.x = squeeze(a.x, int(i));
      a.labels.erase(i, 1);
    } else {
      ++i;
    }
  }
  return a;
}

Operand summed(const Equation& e, const Operand& a, const std::string& keep) {
  Shape to = a.x.shape();
  std::string kept;
  for (std::size_t d = 0; d < a.labels.size(); ++d)
    if (has(keep, a.labels[d])) kept += a.labels[d];
    else to[int(d)] = 1;
  return {reshape(sum_to(a.x, to), sizes(e, kept)), kept};
}

Tensor arranged(const Operand& a, const std::string& labels) {
  std::vector<int> dims;
  for (char c : labels) dims.push_back(int(a.labels.find(c)));
  return permute(a.x, dims);
}

// a and b, summed over what `keep` does not have: a matrix product [batch, left, inner] [batch, inner, right].
Operand product(const Equation& e, const Operand& first, const Operand& second, const std::string& keep) {
  const Operand a = summed(e, first, keep + second.labels), b = summed(e, second, keep + a.labels);
  std::string batch, left, inner, right;
  for (char c : a.labels) (!has(b.labels, c) ? left : has(keep, c) ? batch : inner) += c;
  for (char c : b.labels)
    if (!has(a.labels, c)) right += c;
  const std::string result = batch + left + right;
  check_rank("einsum", e.at, int(result.size()));
  auto count = [&](const std::string& labels) { return sizes(e, labels).numel(); };
  const Tensor p = reshape(arranged(a, batch + left + inner), {count(batch), count(left), count(inner)});
  const Tensor q = reshape(arranged(b, batch + inner + right), {count(batch), count(inner), count(right)});
  return {reshape(inner.empty() ? p * q : matmul(p, q), sizes(e, result)), result};
}

Tensor value(const Equation& e) {
  std::vector<Operand> rest;
  for (const Operand& o : e.operands) rest.push_back(distinct(e, o));
  auto needed = [&](std::size_t i, std::size_t j) {  // when i and j have been multiplied
    std::string labels = e.output;
    for (std::size_t k = 0; k < rest.size(); ++k)
      if (k != i && k != j) labels += rest[k].labels;
    return labels;
  };
  auto elements = [&](std::size_t i, std::size_t j) {  // of the product of i and j
    const std::string keep = needed(i, j);
    double n = 1;
    for (char c : rest[i].labels)
      if (has(keep, c)) n *= double(e.size(c));
    for (char c : rest[j].labels)
      if (has(keep, c) && !has(rest[i].labels, c)) n *= double(e.size(c));
    return n;
  };
  while (rest.size() > 1) {
    std::size_t a = 0, b = 1;
    for (std::size_t i = 0; i < rest.size(); ++i)
      for (std::size_t j = i + 1; j < rest.size(); ++j)
        if (elements(i, j) < elements(a, b)) a = i, b = j;
    rest[a] = product(e, rest[a], rest[b], needed(a, b));
    rest.erase(rest.begin() + std::ptrdiff_t(b));
  }
  return arranged(summed(e, rest[0], e.output), e.output);
}

}  // namespace

Tensor einsum(std::string_view equation, std::span<const Tensor> x, Where called) {
  const Equation e(line_of(called), equation, x);
  Restore after;
  mode.line = &e.at;
  return value(e);
}
Tensor einsum(std::string_view equation, std::initializer_list<Tensor> x, Where at) {
  return einsum(equation, std::span(x.begin(), x.size()), at);
}

}  // namespace heed
