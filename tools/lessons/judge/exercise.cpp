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
  throw Error(
      "there is no lesson " + name + ": " +
      (is_number ? "they go from 01 to " + exercises().back().number() : "did you mean " + nearest(name, names) + "?"));
}

std::string task_file(const Exercise& e) { return HEED_SOURCE_DIR "/tools/lessons/" + e.file + ".cpp"; }
std::string answers_file(const Exercise& e) { return HEED_SOURCE_DIR "/tools/lessons/answers/" + e.file + ".cpp"; }

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) FileTask{"lesson", path, {}}.cannot_read("it is not there");
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {
std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::string line;
  for (std::istringstream in(read_text(path)); std::getline(in, line);) lines.push_back(line);
  return lines;
}
}  // namespace

std::string quote(const Quote& q) {
  const std::vector<std::string> lines = lines_of(HEED_SOURCE_DIR "/" + q.file);
  const auto begins = [](const std::string& line, const std::string& with) { return line.rfind(with, 0) == 0; };
  const auto head = std::find_if(lines.begin(), lines.end(),
                                 [&](const std::string& line) { return begins(line, "struct " + q.type + " {"); });
  const auto end = std::find_if(head, lines.end(), [&](const std::string& line) { return begins(line, "};"); });
  if (end == lines.end()) throw Error("lesson: there is no struct " + q.type + " in " + q.file);
  auto first = head;
  while (first != lines.begin() && begins(*std::prev(first), "//")) --first;
  std::string text = q.file + ":" + std::to_string(head - lines.begin() + 1) + "\n";
  for (auto line = first; line <= head; ++line) text += "    " + *line + "\n";
  for (const std::string& member : q.members) {
    auto line = std::find_if(head, end, [&](const std::string& l) {
      return begins(l, "  ") && l.find(' ' + member + '(') != std::string::npos && l.find("return") > l.find(member);
    });
    if (line == end) throw Error("lesson: there is no " + member + " in " + q.type + " of " + q.file);
    std::ptrdiff_t open = 0;
    do {
      open += std::count(line->begin(), line->end(), '{') - std::count(line->begin(), line->end(), '}');
      text += "    " + *line + "\n";
    } while ((open > 0 || text.ends_with(",\n")) && ++line != end);
  }
  return text + "    };\n";
}

std::string derivation(const Exercise& e) {
  const std::string text = read_text(answers_file(e)), begin = "// ---- the derivation\n",
                    end = "// ---- the exercise\n";
  const std::size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos || to == std::string::npos)
    throw Error("lesson: there is no derivation in " + answers_file(e));
  return text.substr(from + begin.size(), to - from - begin.size());
}

}  // namespace heed::lessons
