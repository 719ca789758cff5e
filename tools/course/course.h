#pragma once
// The course in tools/lessons/README.md. Its text is tools/lessons/course.md; what stands there in {{}} comes from
// here, a file for each chapter. All is float64, but for bytes.
#include <map>
#include "../../models/draw/tensor.h"
#include "../../models/draw/text.h"
#include "../explain/models.h"

namespace heed::course {

// What a chapter has found out, for its text.
class Findings {
 public:
  // What stands for {{name}}. Error: there is one of that name.
  void say(const std::string& name, const std::string& text);
  void say(const std::string& name, double value, int decimals) { say(name, draw::fixed(value, decimals)); }
  // pictures/NAME.svg. Error: there is one of that name.
  void picture(const std::string& name, const std::string& svg);

  const std::map<std::string, std::string>& texts() const { return texts_; }
  const std::map<std::string, std::string>& pictures() const { return pictures_; }

 private:
  std::map<std::string, std::string> texts_, pictures_;
};

// What the text says in words. Error: it is not so.
void holds(bool so, const char* what);
inline bool same(const Tensor& a, const Tensor& b) { return max_difference(a, b) < 1e-14; }
inline bool nothing(const Tensor& a) { return max(abs(a)).item() < 1e-14; }

// The model of the explainer's page, and its one sequence forward and backward: facts, then questions.
struct Run {
  static constexpr int64_t facts = 4, questions = 3, places = facts + questions;
  explicit Run(bool causal = false);

  explain::Scene scene;
  std::vector<explain::Shown> heads;
  Tensor loss;  // of scene.logits

  Tensor parameter(const std::string& path) const;           // Error: there is none
  Tensor y() const { return scene.layers[0].ways.y[0](0); }  // [places, width], which the last layer is given
  // The rows of x, of the last places, to draw.
  draw::Matrix by_places(const Tensor& x, const std::vector<std::string>& columns, const std::string& title = "") const;
};
inline constexpr int64_t apple = 0, plum = 2, asked_pear = 4, asked_plum = 5, asked_apple = 6;  // places

// ---- the chapters
void gradients(Findings& found, const Run& run);
void linear_layers(Findings& found, const Run& run);
void softmax_rows(Findings& found, const Run& run);
void losses(Findings& found, const Run& run);
void layer_norms(Findings& found, const Run& run);
void attention(Findings& found, const Run& run);
void masks(Findings& found, const Run& run);
void heads(Findings& found, const Run& run);
void reach(Findings& found, const Run& run);
void flash(Findings& found, const Run& run);
void wrong_gradients(Findings& found, const Run& run);

// The text, with what was found put in. Error: it asks for what was not found, or leaves out what was.
std::string filled(const std::string& text, const Findings& found);

}  // namespace heed::course
