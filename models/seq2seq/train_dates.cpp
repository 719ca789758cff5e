// Teaches a model to read dates as people write them ("the 5th of March 1987") and to write them as 1987-03-05, then
// shows where it looks while it writes.
#include <heed/heed.h>
#include <heed/models/data/dates.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/terminal.h>
#include <heed/models/run/run.h>
#include <heed/models/seq2seq/seq2seq.h>
#include <cstdio>
#include <optional>
using namespace heed;

namespace {

const Vocabulary human(human_characters), iso(iso_characters);

Batch batch_of(std::span<const DatePair> pairs) {
  std::vector<Example> examples;
  for (const DatePair& p : pairs) examples.push_back({human.encode(p.human), iso.encode(p.iso)});
  return collate(examples);
}

struct Translation {
  std::string text;
  Tensor weights;          // [T, S]; undefined without attention
  draw::Matrix alignment;  // the same, a row per character written, a column per character read
};

std::vector<Translation> translate(const Seq2Seq& model, std::span<const DatePair> pairs) {
  const auto [ids, weights] = model.translate(batch_of(pairs).source, 12);
  std::vector<Translation> r;
  for (int64_t i = 0; i < int64_t(pairs.size()); ++i) {
    const std::string& source = pairs[std::size_t(i)].human;
    auto& [text, looks, m] = r.emplace_back();
    text = iso.decode(ids(i).to_vector<int64_t>());
    if (!weights.defined()) continue;
    m = {.rows = int64_t(text.size()),
         .cols = int64_t(source.size()),
         .title = source,
         .row_name = "written",
         .col_name = "read"};
    looks = weights(i, range(0, m.rows), range(0, m.cols));
    m.values = looks.to_vector();
    for (char c : text) m.row_labels.emplace_back(1, c);
    for (char c : source) m.col_labels.emplace_back(1, c);
  }
  return r;
}

void train(Options& options) {
  options.group("Model");
  const bool attends = options.choice("--attention", {"additive", "none"}, "how the decoder sees the source") != "none";
  const Cell cell = cell_named(options.choice("--cell", {"lstm", "gru", "rnn"}, "of encoder and decoder"));
  const int64_t width = options.integer("--width", 32, "of the character embeddings", at_least(1));
  const int64_t hidden = options.integer("--hidden", 64, "of each recurrent layer", at_least(1));
  options.group("Training");
  const int64_t steps = options.integer("--steps", 400, "training steps", at_least(1));
  const int64_t size = options.integer("--batch", 64, "dates in a batch", at_least(1));
  const double lr = options.number("--lr", 3e-3, "learning rate of AdamW", at_least(0));
  Forcing forcing;
  forcing.probability =
      options.number("--forcing", 0.5, "probability that the decoder is given the true last character", between(0, 1));
  forcing.per_sequence =
      options.choice("--forcing-per", {"step", "sequence"}, "how often that is decided") == "sequence";
  const int64_t first_seed = options.integer("--seed", 1, "of the weights and of the data", at_least(0));
  options.group("Run");
  const std::string out = options.text("--out", "runs/dates", "folder of pictures, metrics and checkpoint");
  const bool resume = options.flag("--resume", "go on from the last checkpoint in that folder");
  options.done();

  seed(uint64_t(first_seed));
  Rng rng{uint64_t(first_seed)};
  Seq2Seq model{.source_vocab = human.size(),
                .target_vocab = iso.size(),
                .width = width,
                .hidden = hidden,
                .attends = attends,
                .cell = cell};
  AdamW optimizer{.lr = lr, .weight_decay = 0};
  Checkpoints checkpoints(out, model);
  checkpoints.add("optimizer", optimizer).add("rng", rng);
  RunFolder run(out, options, resume ? std::optional(checkpoints.load()) : std::nullopt);

  int64_t done = run.first();
  for (auto& step : progress(steps, run)) {
    std::vector<DatePair> pairs;
    for (int64_t i = 0; i < size; ++i) pairs.push_back(sample_date(Split::train, rng));
    const Batch batch = batch_of(pairs);
    const Tensor wanted = batch.target.ids(_, range(1, batch.target.ids.size(1)));  // [B, T - 1]
    Tensor loss = cross_entropy(model(batch, forcing, &rng), wanted, {.ignore_index = Vocabulary::pad});
    step.show("loss", loss.item());
    const Gradients g = clip(grad(consume(loss), model), 1.0);
    optimizer.step(model, g, cosine(step, 0, steps));
    done = step + 1;
  }
  checkpoints.save(done);
  if (interrupted()) {
    std::printf("stopped after %lld steps: go on with --resume --out %s\n", static_cast<long long>(done), out.c_str());
    return;
  }
  const RunFolder::Metric losses = run.metric("loss");
  draw::save_svg(run.path("loss.svg"),
                 draw::curve({{.name = "training", .x = losses.steps, .y = losses.values}},
                             {.title = "Dates: loss", .x_label = "step", .y_label = "loss", .log_y = true}));

  std::vector<DatePair> unseen;
  for (const Date& date : dates_of(Split::test))
    for (int64_t format = 0; format < date_formats; ++format) unseen.push_back(write_date(date, format));
  std::printf("\nreading %zu unseen dates in %lld formats\n", unseen.size() / date_formats,
              static_cast<long long>(date_formats));
  int64_t right = 0;
  AlignmentScore year;
  for (std::size_t i = 0; i < unseen.size(); i += 512) {
    const auto part = std::span(unseen).subspan(i, std::min<std::size_t>(512, unseen.size() - i));
    const std::vector<Translation> written = translate(model, part);
    for (std::size_t k = 0; k < part.size(); ++k) {
      right += written[k].text == part[k].iso;
      const Alignment& gold = part[k].alignment;
      if (attends) year.add(written[k].weights, Alignment(gold.begin(), gold.begin() + iso_fields.year.end));
    }
  }

  std::vector<DatePair> shown(unseen.end() - date_formats, unseen.end());  // one date in every format
  std::vector<draw::Matrix> pictures;
  const std::vector<Translation> written = translate(model, shown);
  std::printf("\n");
  for (std::size_t k = 0; k < shown.size(); ++k) {
    std::printf("  %-26s -> %s\n", shown[k].human.c_str(), written[k].text.c_str());
    pictures.push_back(written[k].alignment);
  }
  if (attends) {
    std::printf("\nwhere it looks while it writes:\n\n%s", draw::terminal_heat_map(pictures[3]).c_str());
    draw::save_svg(run.path("alignment.svg"),
                   draw::heat_maps(pictures, {.title = "Where the decoder looks while it writes"}));
    std::printf("\nattention on the true year %.3f", year.mass());
  }
  std::printf("\nexact match %.1f%% of %zu unseen dates\n", 100 * double(right) / double(unseen.size()), unseen.size());
  std::printf("wrote %s\n", attends ? (run.path("alignment.svg") + " and " + run.path("loss.svg")).c_str()
                                    : run.path("loss.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Learns to write dates as YYYY-MM-DD, and shows its attention.", .example = "--attention none"}, train);
}
