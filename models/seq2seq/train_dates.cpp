// Teaches a model to read dates as people write them ("the 5th of March 1987") and to write them as 1987-03-05, then
// shows where it looks while it writes.
#include <heed/heed.h>
#include <heed/models/data/dates.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/terminal.h>
#include <heed/models/run/fit.h>
#include <heed/models/seq2seq/settings.h>
#include <cstdio>
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
  const Seq2SeqSettings settings =
      seq2seq_settings(options, {.width = 32, .hidden = 64, .forcing = {.probability = 0.5}});
  const Fit how = fit_options(options, {.steps = 400, .lr = 3e-3, .out = "runs/dates", .title = "Dates"});
  options.done();

  seed(uint64_t(how.seed));
  Seq2Seq model = settings.model(human.size(), iso.size());
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    std::vector<DatePair> pairs;
    for (int64_t i = 0; i < how.batch; ++i) pairs.push_back(sample_date(Split::train, rng));
    return loss_of(model, batch_of(pairs), settings.forcing, &rng);
  });
  if (interrupted()) return;

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
      if (written[k].weights.defined())
        year.add(written[k].weights, Alignment(gold.begin(), gold.begin() + iso_fields.year.end));
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
  const bool attends = settings.attends != Attends::none;
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
