#include "exercise.h"
#include <heed/core/disk.h>
#include <heed/core/text.h>
#include <algorithm>
#include <fstream>
#include <sstream>

namespace heed::lessons {

void detail::pull_back(Case& to, const Values& fields, const std::vector<Output>& outputs) {
  std::vector<std::string> names;
  std::vector<Tensor> xs, ys, gys;
  for (const auto& [name, x] : fields) {
    to.values[name] = x.detach();
    if (!x.tracked()) continue;
    names.push_back(name);
    xs.push_back(x);
    if (x.edge().node->leaf) to.inputs.push_back(name);
  }
  for (const Output& y : outputs) {
    ys.push_back(fields.at(y.name));
    gys.push_back(ys.back().dim() ? randn(ys.back().shape(), default_rng(), f64) : ones({}, f64));
  }
  const std::vector<Tensor> gradients = vjp(ys, gys, xs);
  for (std::size_t i = 0; i < names.size(); ++i) to.values["d" + names[i]] = gradients[i];
  for (std::size_t i = 0; i < ys.size(); ++i) to.values[outputs[i].gradient] = gys[i];
}

const std::vector<Exercise>& exercises() {
  static const std::vector<Exercise> all = [] {
    std::vector<Exercise> r;
    for (auto make : {chain_rule, linear_layer, activations, softmax_rows, cross_entropy_loss, layer_norm_rows,
                      attention, masked_attention, multi_head_attention, additive_attention, lstm_cell, residual_block,
                      flash_attention, second_derivative})
      r.push_back(make());
    for (Exercise& e : r)
      for (Case& c : e.cases)
        for (const Part& p : e.parts)
          if (p.is != p.name) c.values[p.name] = Formula(p.is).value(c.values);
    return r;
  }();
  return all;
}

const Exercise& exercise(const std::string& name) {
  std::vector<std::string> names;
  for (const Exercise& e : exercises()) {
    names.push_back(e.file.substr(3));
    if (name == e.file || name == names.back() || name == e.number() || "0" + name == e.number()) return e;
  }
  const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
  const std::string& near = nearest(name, names);
  throw Error("there is no lesson " + name +
              (is_number                                ? ": they go from 01 to " + exercises().back().number()
               : 2 * distance(name, near) < name.size() ? ": did you mean " + near + "?"
                                                        : ""));
}

std::string task_file(const Exercise& e) { return HEED_SOURCE_DIR "/tools/lessons/" + e.file + ".cpp"; }
std::string answers_file(const Exercise& e) { return HEED_SOURCE_DIR "/tools/lessons/answers/" + e.file + ".cpp"; }

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) FileTask{"lesson", path, {}}.cannot_read("it is not there");
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

bool begins(const std::string& line, const std::string& with) { return line.rfind(with, 0) == 0; }

// Lines of a file, and those of them that are quoted.
class Quoted {
 public:
  explicit Quoted(const Quote& q) : q_(q) {
    std::string line;
    for (std::istringstream in(read_text(HEED_SOURCE_DIR "/" + q.file)); std::getline(in, line);)
      lines_.push_back(line);
    if (q.type.empty()) functions();
    else members();
  }
  std::string str(const std::string& margin) const {
    std::string r;
    for (const std::string& line : chosen_) r += margin + line + "\n";
    return r;
  }
  std::string where() const { return q_.file + ":" + std::to_string(line_); }

 private:
  using Lines = std::vector<std::string>;
  const Quote& q_;
  Lines lines_, chosen_;
  std::ptrdiff_t line_ = 0;

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error("lesson: there is no " + what + " " + q_.file);
  }
  void add(Lines::const_iterator from, Lines::const_iterator head, Lines::const_iterator to) {
    if (!line_) line_ = head - lines_.begin() + 1;
    chosen_.insert(chosen_.end(), from, to);
  }
  Lines::const_iterator commented(Lines::const_iterator line) const {  // from what stands above it
    while (line != lines_.begin() && (begins(*std::prev(line), "//") || begins(*std::prev(line), "template"))) --line;
    return line;
  }

  void functions() {
    for (const std::string& name : q_.members) {
      const auto head = std::find_if(lines_.begin(), lines_.end(), [&](const std::string& l) {
        return !begins(l, " ") && !begins(l, "//") && l.find(' ' + name + '(') != std::string::npos &&
               !l.ends_with(';');
      });
      const auto end = std::find_if(head, lines_.end(), [](const std::string& l) { return begins(l, "}"); });
      if (end == lines_.end()) refuse("function " + name + " in");
      add(commented(head), head, end + 1);
    }
  }
  void members() {
    const auto head = std::find_if(lines_.begin(), lines_.end(),
                                   [&](const std::string& l) { return begins(l, "struct " + q_.type + " {"); });
    const auto end = std::find_if(head, lines_.end(), [](const std::string& l) { return begins(l, "};"); });
    if (end == lines_.end()) refuse("struct " + q_.type + " in");
    add(commented(head), head, head + 1);
    for (const std::string& member : q_.members) {
      const auto first = std::find_if(head, end, [&](const std::string& l) {
        return begins(l, "  ") && l.find(' ' + member + '(') != std::string::npos && l.find("return") > l.find(member);
      });
      if (first == end) refuse(member + " in " + q_.type + " of");
      auto last = first;
      for (std::ptrdiff_t open = 0;; ++last) {
        open += std::count(last->begin(), last->end(), '{') - std::count(last->begin(), last->end(), '}');
        if ((open <= 0 && !last->ends_with(',')) || last + 1 == end) break;
      }
      add(first, first, last + 1);
    }
    chosen_.emplace_back("};");
  }
};

}  // namespace

std::string quote(const Quote& q) {
  const Quoted quoted(q);
  return quoted.where() + "\n" + quoted.str("    ");
}
std::string quoted_code(const Quote& q) { return Quoted(q).str(""); }

namespace {
std::string without(std::string text, const std::string& what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;) text.erase(at, what.size());
  return text;
}
}  // namespace

std::string derivation(const Exercise& e) {
  const std::string text = read_text(answers_file(e)), begin = "// ---- the derivation\n",
                    end = "// ---- the exercise\n";
  const std::size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos || to == std::string::npos)
    throw Error("lesson: there is no derivation in " + answers_file(e));
  return without(text.substr(from + begin.size(), to - from - begin.size()), "task::");
}

}  // namespace heed::lessons
