// A run of train_dates: an encoder-decoder that reads a date and writes it as YYYY-MM-DD.
#include "../../models/data/dates.h"
#include <memory>
#include "../../core/disk.h"
#include "../../models/run/checkpoint.h"
#include "../../models/seq2seq/settings.h"
#include "models.h"
#include "parts.h"

namespace heed::explain {
namespace {

DatePair date_named(const std::string& text) {
  for (const Split split : {Split::train, Split::test})
    for (const Date& date : dates_of(split))
      for (int64_t format = 0; format < date_formats; ++format)
        if (DatePair pair = write_date(date, format); pair.human == text) return pair;
  std::string known;
  for (int64_t format = 0; format < date_formats; ++format)
    known += (format ? ", " : "") + in_quotes(write_date({1987, 3, 5}, format).human);
  throw Error("--text " + in_quotes(text) + " is no date from 1950 to 2049 written as the model has learned: " + known);
}

struct Reading {
  std::vector<AppliedOp> ops;
  Tensor logits, loss;
  Tensor weights;  // [1, T, S]
};
Reading reading_of(const Seq2Seq& model, const Batch& batch) {
  Reading r;
  r.ops = applied_ops([&] {
    r.logits = model(batch, {}, nullptr, &r.weights);
    r.loss = cross_entropy(r.logits, batch.target.ids(_, Range{1}));
  });
  return r;
}

// Of each step, the attention.
std::vector<Parts> parts_of(const Reading& at) {
  std::vector<Parts> r;
  for (const Tensor& x : maker_of(at.weights, at.ops).inputs) {
    Tensor weights = x;  // a view of them
    while (maker_of(weights, at.ops).op == std::string_view("reshape")) weights = maker_of(weights, at.ops).inputs[0];
    r.push_back(explain::parts_of(weights, at.ops));
  }
  return r;
}

Tensor all(const std::vector<Parts>& steps, Tensor Parts::*part) {  // [T, ..]
  std::vector<Tensor> list;
  for (const Parts& p : steps) list.push_back((p.*part).detach());
  return flatten(concat(list), 0, -2);
}

Layer layer_of(const std::shared_ptr<const Seq2Seq>& model, const Reading& at) {
  const std::vector<Parts> steps = parts_of(at);
  const Attention& attention = *model->attention;
  std::vector<Tensor> y;
  for (const Parts& p : steps) y.push_back(p.y);
  const Parts& first = steps[0];
  Head head{.q = all(steps, &Parts::q), .k = first.k.detach()(0), .v = first.v.detach()(0)};
  head.dy = flatten(concat(grad(at.loss, y)), 0, -2);
  if (first.bend.defined()) head.bend = first.bend.detach()(0);
  else head.scale = attention.score.products(first.q, first.k)->scale;
  return {"attention",
          {head},
          {.names = {"value", "key"},
           .x = attention.value ? maker_of(first.v, at.ops).inputs[0] : first.v,
           .y = y,
           .again = [model, head](const std::vector<Tensor>& x) {
             const Attention::Source source = model->attention->project(x[1], x[0]);
             return matmul(head.weights(head.scores(head.q, source.k(0))), source.v);
           }}};
}

}  // namespace

Scene explain_dates(const std::string& run, const std::string& text) {
  const RunStart start = last_start(run);
  if (start.program != "train_dates")
    throw Error(run + " is a run of " + start.program + ": --model seq2seq is for those of train_dates");
  const std::vector<SavedModel> saved = saved_models(run);
  auto load = [&](const SavedModel& m) { return cast(load_seq2seq(m.file, start), f64); };
  const auto model = std::make_shared<const Seq2Seq>(load(saved.back()));
  const Attends attends = model->attends;
  if (!model->attention || attends == Attends::location || attends == Attends::tutorial)
    throw Error(run + " was trained with --attention " + attends_names[std::size_t(attends)] +
                ": additive, dot, general, concat and qkv can be explained");
  if (model->normalizer != Normalizer::softmax)
    throw Error(run + " was trained with --normalizer " + normalizer_names()[std::size_t(model->normalizer)] +
                ": softmax can be explained");

  const Vocabulary human(human_characters), iso(iso_characters);
  human.encode(text);  // which names a character that the model does not know
  const DatePair date = text.empty() ? write_date({1987, 3, 5}, 3) : date_named(text);
  const Batch batch = collate(std::vector{Example{human.encode(date.human), iso.encode(date.iso)}});
  const Reading at = reading_of(*model, batch);

  Scene scene;
  scene.model = "seq2seq", scene.run = run, scene.step = saved.back().step;
  for (const SavedModel& m : saved) {
    const Seq2Seq then = load(m);
    const Reading r = reading_of(then, batch);
    scene.history.push_back({m.step, r.loss.item(), grad(r.loss, then).norm(), {r.weights.detach()}});
  }
  for (int64_t i = 0; i < iso.size(); ++i)
    scene.answers.push_back(i == Vocabulary::pad     ? "padding"
                            : i == Vocabulary::start ? "start"
                            : i == Vocabulary::end   ? "end"
                                                     : iso.decode({&i, 1}));
  scene.targets = batch.target.ids(0, Range{1}).to_vector<int64_t>();
  for (const int64_t id : scene.targets) scene.queries.push_back(scene.answers[std::size_t(id)]);
  for (const char c : date.human) scene.keys.emplace_back(1, c);
  scene.logits = at.logits(0);
  scene.loss = at.loss;
  scene.ops = at.ops;
  scene.names = names_of(*model);
  scene.layers.push_back(layer_of(model, at));
  return scene;
}

}  // namespace heed::explain
