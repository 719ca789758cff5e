// What attention to channels is good for, and what attention to places: a network that sees 3 x 3 pixels at a time is
// asked for the texture of a colour that a bright corner names, or for that around a red dot.
#include <heed/heed.h>
#include <heed/models/data/textures.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/run/fit.h>
#include <heed/models/textures/textures.h>
#include <cstdio>
using namespace heed;

namespace {

const std::vector<std::string> colours{"red", "green", "blue"}, textures{"rows", "columns", "chequers", "diagonals"};

struct Pictures {
  Tensor images;  // [B, 3, H, W]
  Tensor kind;    // [B] i64: of the texture asked for
  Tensor where;   // [B] i64: the channel or quarter that has it
};
Pictures sample(bool of_channels, int64_t n, Rng& rng) {
  std::vector<Tensor> images;
  std::vector<int64_t> kind, where;
  auto add = [&](const Tensor& image, int64_t is, int64_t at) {
    images.push_back(image), kind.push_back(is), where.push_back(at);
  };
  for (int64_t i = 0; i < n; ++i) {
    if (of_channels) {
      const Texture t = sample_texture(rng);
      add(t.image, t.kind, t.channel);
    } else {
      const DottedTexture t = sample_dotted_texture(rng);
      add(t.image, t.kind, t.quarter);
    }
  }
  return {stack(images), tensor(kind, {n}), tensor(where, {n})};
}

// The colour that each filter looks at most: [channels] i64
Tensor colour_of_filters(const TextureNet& model) { return argmax(norm(model.conv.weight, 2, {2, 3})); }

// The mean of gates [B, channels] of filters that look at the channel asked for most, and that of the others.
struct Gates {
  double asked, others;
};
Gates gates_by_colour(const TextureNet& model, const Pictures& p) {
  const Tensor gate = model.channel_gate(p.images);
  const Tensor asked = cast(colour_of_filters(model) == unsqueeze(p.where, 1), f32), others = 1 - asked;
  return {(sum(gate * asked) / sum(asked)).item(), (sum(gate * others) / sum(others)).item()};
}
// Of many pictures, a few at a time: what attends from each place to each has a matrix for every picture.
Tensor logits_of(const TextureNet& model, const Tensor& images) {
  std::vector<Tensor> parts;
  for (const Tensor& some : split(images, 100)) parts.push_back(model(some));
  return concat(parts);
}
double share_right(const Tensor& logits, const Pictures& p) { return mean(cast(argmax(logits) == p.kind, f64)).item(); }

// Logits with gates of places that are the same everywhere: their mean. What is then no longer known, the gates told:
// beside a red dot they may keep the texture or leave it out, and at the dot they may say what stands around it.
Tensor with_even_places(const TextureNet& model, const Pictures& p) {
  const Tensor even = mean(model.place_gate(p.images), {1, 2});  // [B]
  const Tensor h = mean(model.block_attention->channel(model.features(p.images)), {2, 3});
  return model.output(h * unsqueeze(even, 1));
}

// How much each place looks at the red dot and what is beside it: [B, H, W]
Tensor looks_at_dot(const TextureNet& model, const Tensor& images) {
  const Tensor weights = mean(model.places->with_weights(model.features(images)).weights, 1);
  const Tensor dot = max_pool2d(cast(images(_, range(0, 1)) > 2, f32), 3, {.stride = {1}, .padding = {1}});
  return sum(weights * unsqueeze(dot, 1), {3, 4});
}
// Places of the quarter that has it: [B, H, W]
Tensor of_quarter(const Tensor& where, int64_t side) {
  const Tensor far = cast(arange(side) >= side / 2, i64);
  return unsqueeze(unsqueeze(far, 1) * 2 + far, 0) == reshape(where, {-1, 1, 1});
}

// A row for each channel and texture asked for, a column for each filter: its mean gate.
draw::Matrix channel_gates(const TextureNet& model, const Pictures& p) {
  const Tensor gate = model.channel_gate(p.images), colour = colour_of_filters(model);
  const Tensor order = sort(colour).indices;
  std::vector<Tensor> rows;
  draw::Matrix named{.title = "", .row_name = "asked for", .col_name = "filters, and the colour they see most"};
  for (int64_t c = 0; c < std::ssize(colours); ++c)
    for (int64_t kind = 0; kind < texture_kinds; ++kind) {
      rows.push_back(mean(gate((p.where == c) & (p.kind == kind)), 0)(order));
      named.row_labels.push_back(colours[std::size_t(c)] + ", " + textures[std::size_t(kind)]);
    }
  for (int64_t filter : colour(order).to_vector<int64_t>()) named.col_labels.push_back(colours[std::size_t(filter)]);
  return draw::matrix_of(stack(rows), named);
}

void train(Options& options) {
  options.group("Model");
  const auto [kind, attention] = options.choice<TextureNet::Kind>("--attention",
                                                                  {{"se", TextureNet::se},
                                                                   {"cbam", TextureNet::cbam},
                                                                   {"generalized", TextureNet::generalized},
                                                                   {"none", TextureNet::none}},
                                                                  "between convolution and mean");
  const int64_t channels = options.integer("--channels", 32, "of the convolution", at_least(1));
  const int64_t reduction = options.integer("--reduction", 2, "of channels in the middle of the gate", at_least(1));
  const SpatialTerms terms =
      options
          .choice<SpatialTerms>("--terms",
                                {{"all", {}},
                                 {"content", {.query_offset = false, .offset = false}},
                                 {"offsets", {.query_key = false, .key = false}}},
                                "of generalized attention: what stands here and there, and how far apart they are")
          .value;
  if (attention == TextureNet::none || attention == TextureNet::generalized)
    options.no_part("--reduction", "--attention " + kind);
  if (attention != TextureNet::generalized) options.no_part("--terms", "--attention " + kind);
  options.group("Task");
  const bool of_channels =
      options.choice("--task", {"channel", "place"}, "asked for by a bright corner or by a red dot") == "channel";
  const Fit how = fit_options(
      options, {.steps = 1200, .lr = 2e-2, .out = "runs/textures", .title = "Textures: " + kind, .batch = 128});
  options.done();

  seed(uint64_t(how.seed));
  TextureNet model{
      .classes = texture_kinds, .kind = attention, .channels = channels, .reduction = reduction, .terms = terms};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Pictures p = sample(of_channels, how.batch, rng);
    return cross_entropy(model(p.images), p.kind);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  const Pictures p = sample(of_channels, 2000, unseen);
  std::printf("\ntexture right %.1f%% of 2000 new pictures\n", 100 * share_right(logits_of(model, p.images), p));
  std::string pictures;
  if ((model.kind == TextureNet::se || model.kind == TextureNet::cbam) && of_channels) {
    const Gates g = gates_by_colour(model, p);
    std::printf("gates of filters that see the colour asked for %.3f, of others %.3f\n", g.asked, g.others);
    draw::save_svg(run.path("channels.svg"),
                   draw::heat_maps(draw::cropped({channel_gates(model, p)}), {.title = "Channel gates: " + kind}));
    pictures += "channels.svg, ";
  }
  if (model.kind == TextureNet::cbam) {
    if (!of_channels)
      std::printf("with gates that are the same at all places %.1f%%\n",
                  100 * share_right(with_even_places(model, p), p));
    std::vector<draw::Picture> shown;
    const Tensor gates = model.place_gate(p.images);
    for (int64_t i = 0; i < 6; ++i)
      shown.push_back(draw::picture_of(p.images(i), {.maps = {draw::matrix_of(gates(i))}}));
    draw::save_svg(run.path("places.svg"), draw::pictures(shown, "Pictures, and what spatial attention keeps of them"));
    pictures += "places.svg, ";
  }
  if (model.places && !of_channels) {
    const Tensor looks = looks_at_dot(model, p.images(range(0, 100)));
    const Tensor near = of_quarter(p.where(range(0, 100)), looks.size(-1));
    std::printf("weight on the red dot %.3f from its quarter, %.3f from the others\n", mean(looks(near)).item(),
                mean(looks(~near)).item());
    std::vector<draw::Picture> shown;
    for (int64_t i = 0; i < 6; ++i)
      shown.push_back(draw::picture_of(p.images(i), {.maps = {draw::matrix_of(looks(i))}}));
    draw::save_svg(run.path("looks.svg"), draw::pictures(shown, "Pictures, and which places look at the red dot"));
    pictures += "looks.svg, ";
  }
  std::printf("wrote %sloss.svg to %s\n", pictures.c_str(), how.out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Tells textures apart: which one counts, attention must find out.",
                      .example = "--task place --attention cbam"},
                     train);
}
