#include "formula.h"
#include <heed/ops/ops.h>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

namespace heed::lessons {
namespace {

// ---- what may be called
using Arguments = std::span<const Tensor>;
using Function = Tensor (*)(Arguments);

int whole(const Tensor& x) { return int(std::lround(x.item())); }
int second(Arguments x) {
  if (x.size() < 2) throw Error("formula: a second argument is missing");
  return whole(x[1]);
}

const std::map<std::string, Function, std::less<>>& functions() {
  static const std::map<std::string, Function, std::less<>> all{
      {"tanh", [](Arguments x) { return tanh(x[0]); }},
      {"sigmoid", [](Arguments x) { return sigmoid(x[0]); }},
      {"exp", [](Arguments x) { return exp(x[0]); }},
      {"log", [](Arguments x) { return log(x[0]); }},
      {"sqrt", [](Arguments x) { return sqrt(x[0]); }},
      // of rows; with a second argument, of what that mask lets through
      {"softmax", [](Arguments x) { return x.size() > 1 ? masked_softmax(x[0], x[1]) : softmax(x[0]); }},
      {"not", [](Arguments x) { return ~x[0]; }},
      {"masked", [](Arguments x) { return where(x[1], x[0], zeros_like(x[0])); }},
      {"rowsum", [](Arguments x) { return sum(x[0], -1, keepdim); }},  // [.., n, m] -> [.., n, 1]
      {"rowmean", [](Arguments x) { return mean(x[0], -1, keepdim); }},
      {"colsum", [](Arguments x) { return sum(x[0], -2); }},  // [.., n, m] -> [.., m]
      {"colmean", [](Arguments x) { return mean(x[0], -2); }},
      {"sum", [](Arguments x) { return x.size() > 1 ? sum(x[0], whole(x[1])) : sum(x[0]); }},  // over one dimension
      {"mean", [](Arguments x) { return x.size() > 1 ? mean(x[0], whole(x[1])) : mean(x[0]); }},
      {"column", [](Arguments x) { return unsqueeze(x[0], -1); }},  // [..] -> [.., 1]
      {"concat", [](Arguments x) { return concat(x, -1); }},
      // [T, h d] -> [h, T, d], and back
      {"split",
       [](Arguments x) {
         return transpose(reshape(x[0], {x[0].size(0), second(x), -1}), 0, 1);
       }},
      {"merge",
       [](Arguments x) {
         return reshape(transpose(x[0], 0, 1), {x[0].size(1), -1});
       }},
      // the elements in the order they have, as the other two without their transpose
      {"cut",
       [](Arguments x) {
         return reshape(x[0], {second(x), x[0].size(0), -1});
       }},
      {"flat",
       [](Arguments x) {
         return reshape(x[0], {x[0].size(1), -1});
       }},
      {"lastrows", [](Arguments x) { return slice(x[0], -2, -second(x)); }},  // so many
      {"lastcols", [](Arguments x) { return slice(x[0], -1, -second(x)); }},
      // in blocks of so many, the last of which may be smaller: without that one, and sums along the rows of each
      {"wholerows", [](Arguments x) { return slice(x[0], -2, 0, x[0].size(-2) / second(x) * second(x)); }},
      {"wholecols", [](Arguments x) { return slice(x[0], -1, 0, x[0].size(-1) / second(x) * second(x)); }},
      {"blocksum",
       [](Arguments x) {
         std::vector<Tensor> blocks;
         for (int64_t n = 0; n < x[0].size(-1); n += second(x)) {
           const Tensor block = slice(x[0], -1, n, std::min(n + second(x), x[0].size(-1)));
           blocks.push_back(expand(sum(block, -1, keepdim), block.shape()));
         }
         return concat(blocks, -1);
       }},
  };
  return all;
}

// ---- reading
struct Token {
  enum Kind { name, number, call, sign, end } kind;
  std::string text;
  bool operator==(const Token&) const = default;
};

std::vector<Token> tokens(std::string_view s) {
  std::vector<Token> r;
  auto letter = [&](std::size_t i) {
    return i < s.size() && (std::isalnum(static_cast<unsigned char>(s[i])) || s[i] == '_');
  };
  for (std::size_t i = 0; i < s.size();) {
    std::size_t n = 1;
    if (std::isdigit(static_cast<unsigned char>(s[i]))) {
      while (i + n < s.size() && (std::isdigit(static_cast<unsigned char>(s[i + n])) || s[i + n] == '.')) ++n;
      r.push_back({Token::number, std::string(s.substr(i, n))});
    } else if (letter(i)) {
      while (letter(i + n)) ++n;
      const bool called = i + n < s.size() && s[i + n] == '(';
      r.push_back({called ? Token::call : Token::name, std::string(s.substr(i, n))});
    } else if (s[i] != ' ') {
      if (s[i] == '^') n = 2;  // ^T, ^2
      r.push_back({Token::sign, std::string(s.substr(i, n))});
    }
    i += n;
  }
  return r;
}

class Reader {
 public:
  explicit Reader(std::string_view s) : text_(s), tokens_(tokens(s)) { tokens_.push_back({Token::end, ""}); }
  Formula all() {
    Formula f = sum();
    if (next().kind != Token::end) refuse();
    return f;
  }

 private:
  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;

  const Token& next() const { return tokens_[at_]; }
  bool take(const char* sign) {
    if (next() != Token{Token::sign, sign}) return false;
    ++at_;
    return true;
  }
  [[noreturn]] void refuse() const {
    throw Error("formula: cannot read " + std::string(text_) + " from \"" + next().text + "\" on");
  }

  Formula sum() {
    Formula f(Formula::sum, "");
    f.signs = take("-") ? "-" : "+";
    f.parts.push_back(product());
    for (;;) {
      if (take("+")) f.signs += '+';
      else if (take("-")) f.signs += '-';
      else break;
      f.parts.push_back(product());
    }
    return f.signs == "+" ? Formula(f.parts[0]) : f;
  }
  Formula product() {
    Formula f(Formula::product, "");
    f.signs = "*";
    f.parts.push_back(chain());
    for (;;) {
      if (take("*")) f.signs += '*';
      else if (take("/")) f.signs += '/';
      else break;
      f.parts.push_back(chain());
    }
    return f.parts.size() == 1 ? Formula(f.parts[0]) : f;
  }
  Formula chain() {
    Formula f(Formula::chain, "");
    do f.parts.push_back(factor());
    while (next().kind == Token::name || next().kind == Token::number || next().kind == Token::call ||
           next() == Token{Token::sign, "("});
    return f.parts.size() == 1 ? Formula(f.parts[0]) : f;
  }
  Formula factor() {
    Formula f = primary();
    for (;;) {
      if (take("^T")) f = Formula(Formula::transposed, "", {f});
      else if (take("^2")) f = Formula(Formula::squared, "", {f});
      else return f;
    }
  }
  Formula primary() {
    if (take("(")) {
      Formula f = sum();
      if (!take(")")) refuse();
      return f;
    }
    const Token t = next();
    if (t.kind == Token::sign || t.kind == Token::end) refuse();
    if (t.kind == Token::call && !functions().contains(t.text)) refuse();
    ++at_;
    if (t.kind == Token::name) return {Formula::name, t.text};
    if (t.kind == Token::number) return {Formula::number, t.text};
    Formula f(Formula::call, t.text);
    take("(");
    do f.parts.push_back(sum());
    while (take(","));
    if (!take(")")) refuse();
    return f;
  }
};

Tensor times(const Tensor& a, const Tensor& b) { return a.dim() == 0 || b.dim() == 0 ? a * b : matmul(a, b); }

Tensor unweighted(const Formula& f, const Values& v) {
  std::vector<Tensor> x;
  for (const Formula& part : f.parts) x.push_back(part.value(v));
  switch (f.kind) {
    case Formula::number:
      return full({}, std::stod(f.text), f64);
    case Formula::name: {
      const auto found = v.find(f.text);
      if (found == v.end()) throw Error("formula: there is no " + f.text);
      return found->second;
    }
    case Formula::call:
      return functions().at(f.text)(x);
    case Formula::transposed:
      return transpose(x[0]);
    case Formula::squared:
      return square(x[0]);
    default:
      break;
  }
  Tensor r = f.kind == Formula::sum && f.signs[0] == '-' ? -x[0] : x[0];
  for (std::size_t i = 1; i < x.size(); ++i) {
    if (f.kind == Formula::chain) r = times(r, x[i]);
    else if (f.signs[i] == '+') r = r + x[i];
    else if (f.signs[i] == '-') r = r - x[i];
    else r = f.signs[i] == '*' ? r * x[i] : r / x[i];
  }
  return r;
}

// A sum of which but one part is left is that part.
const Formula& shown(const Formula& f) {
  const auto counts = [](const Formula& part) { return part.weight != 0; };
  if (f.kind != Formula::sum || std::count_if(f.parts.begin(), f.parts.end(), counts) != 1) return f;
  const auto left = std::find_if(f.parts.begin(), f.parts.end(), counts);
  return f.signs[std::size_t(left - f.parts.begin())] == '+' ? shown(*left) : f;
}

// As a part of a sum, a product or a chain, or before ^: what binds less tightly is in parentheses.
std::string in(const Formula& part, Formula::Kind around) {
  const Formula& f = shown(part);
  const bool weighted = f.weight != 1, operation = f.kind >= Formula::sum && f.kind <= Formula::chain;
  const bool loose = weighted ? f.weight < 0 || around == Formula::chain : operation && f.kind <= around;
  return loose ? "(" + f.str() + ")" : f.str();
}

}  // namespace

Formula::Formula(std::string_view s) : Formula(Reader(s).all()) {}

Tensor Formula::value(const Values& v) const {
  const Tensor r = unweighted(*this, v);
  return weight == 1 ? r : r * weight;
}

std::string Formula::str() const {
  if (weight != 1) {
    Formula f = *this;
    f.weight = 1;
    return (weight == -1 ? "-" : short_text(weight) + " ") + in(f, chain);
  }
  const Formula& f = shown(*this);
  if (&f != this) return f.str();
  std::string r;
  switch (f.kind) {
    case number:
    case name:
      return f.text;
    case transposed:
      return in(f.parts[0], chain) + "^T";
    case squared:
      return in(f.parts[0], chain) + "^2";
    case call:
      for (const Formula& p : f.parts) r += (r.empty() ? "" : ", ") + p.str();
      return f.text + "(" + r + ")";
    default:
      break;
  }
  for (std::size_t i = 0; i < f.parts.size(); ++i) {
    if (f.kind == sum && f.parts[i].weight == 0) continue;
    const bool first = r.empty();
    Formula part = f.parts[i];
    char sign = f.kind == chain ? ' ' : f.signs[i];
    if (f.kind == sum && part.weight < 0) part.weight = -part.weight, sign = sign == '-' ? '+' : '-';
    if (f.kind == chain) r += first ? "" : " ";
    else if (!first) r += std::string(" ") + sign + " ";
    else if (sign == '-') r += "-";
    r += in(part, f.kind == product && sign == '*' ? sum : f.kind);  // a * (b * c) is a * b * c
  }
  return r;
}

std::string short_text(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

std::vector<Formula*> nodes(Formula& f) {
  std::vector<Formula*> r{&f};
  for (Formula& part : f.parts)
    for (Formula* inside : nodes(part)) r.push_back(inside);
  return r;
}

std::vector<Formula*> addends(Formula& f) {
  std::vector<Formula*> r{&f};
  for (Formula* node : nodes(f))
    if (node->kind == Formula::sum && node->parts.size() > 1)
      for (Formula& part : node->parts) r.push_back(&part);
  return r;
}

std::string replaced(std::string_view formula, std::string_view find, std::string_view by) {
  if (find.empty()) return std::string(by);
  const std::vector<Token> all = tokens(formula), wanted = tokens(find);
  const auto same = [](const Token& a, const Token& b) { return a.text == b.text; };
  std::string r;
  bool found = false;
  for (auto at = all.begin(); at != all.end();) {
    const auto [end, after] = std::mismatch(wanted.begin(), wanted.end(), at, all.end(), same);
    const bool here = end == wanted.end();
    found = found || here;
    r += here ? std::string(by) : at->text;
    at = here ? after : at + 1;
    if (std::prev(at)->kind != Token::call) r += ' ';
  }
  return found ? r : "";
}

}  // namespace heed::lessons
