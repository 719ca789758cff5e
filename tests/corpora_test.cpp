// The generated tasks that have no test of their own: what their headers claim, by means that share nothing with the
// generators.
#include <heed/models/data/inference.h>
#include <heed/models/data/scenes.h>
#include <heed/models/data/signposts.h>
#include <heed/models/data/stories.h>
#include <heed/models/data/textures.h>
#include <heed/models/data/words.h>
#include <algorithm>
#include <map>
#include <set>
#include "common.h"
using namespace heed;

namespace {

using Words = std::vector<std::string>;

// Of counts that should be equal; its 0.999 quantile is 16.3, 20.5, 22.5, 26.1 for 3, 5, 6 and 8 degrees of freedom.
double chi_square(const std::map<std::string, int>& counts) {
  double all = 0, r = 0;
  for (const auto& [what, n] : counts) all += n;
  const double expected = all / double(counts.size());
  for (const auto& [what, n] : counts) r += (n - expected) * (n - expected) / expected;
  return r;
}

// ---- a reader of stories
struct Told {
  std::map<std::string, std::string> place_of, holder_of;
  void read(const std::string& sentence) {
    const Words w = words_of(sentence);
    if (w[1] == "walks") {
      place_of[w[0]] = w.back();
      for (const auto& [thing, holder] : holder_of)
        if (holder == w[0]) place_of[thing] = w.back();
    } else if (w[1] == "takes") {
      REQUIRE(holder_of[w.back()].empty());
      REQUIRE((!place_of.count(w.back()) || place_of[w.back()] == place_of.at(w[0])));
      holder_of[w.back()] = w[0], place_of[w.back()] = place_of.at(w[0]);
    } else {
      REQUIRE(w[1] == "leaves");
      holder_of[w.back()].clear(), place_of[w.back()] = place_of.at(w[0]);
    }
  }
};
std::string answer_of(const Words& sentences, const std::string& question) {
  Told told;
  for (const std::string& s : sentences) told.read(s);
  return told.place_of[words_of(question).back()];
}

}  // namespace

TEST_CASE("stories: the answer follows from all sentences, and from those that support it alone") {
  for (int64_t facts : {1, 2}) {
    Rng rng{uint64_t(facts)};
    std::map<std::string, int> answers;
    std::map<std::size_t, int> last;
    double last_place = 0, last_mention = 0;
    constexpr int n = 4000;
    std::string said;
    for (int i = 0; i < n; ++i) {
      const Story s = sample_story(facts, facts == 1 ? 6 : 12, rng);
      REQUIRE(std::ssize(s.sentences) == (facts == 1 ? 6 : 12));
      REQUIRE(answer_of(s.sentences, s.question) == s.answer);
      REQUIRE(std::ssize(s.supporting) == facts);
      REQUIRE(std::is_sorted(s.supporting.begin(), s.supporting.end()));
      Words alone;
      for (int64_t k : s.supporting) alone.push_back(s.sentences.at(std::size_t(k)));
      if (facts == 1 || words_of(alone[0])[1] == "walks") REQUIRE(answer_of(alone, s.question) == s.answer);
      else REQUIRE((words_of(alone[1])[0] == words_of(alone[0])[0] && words_of(alone[1]).back() == s.answer));
      ++answers[s.answer], ++last[std::size_t(s.supporting.back())];
      for (const std::string& sentence : s.sentences) said += sentence + " ";
      said += s.question + " " + s.answer + " ";

      // What one look could use: the last place named; that of the person who is named with the thing, before.
      std::string place, named;
      for (const std::string& sentence : s.sentences) {
        if (words_of(sentence)[1] == "walks") place = words_of(sentence).back();
        else if (words_of(sentence).back() == words_of(s.question).back()) named = place;
      }
      last_place += place == s.answer;
      last_mention += named == s.answer;
    }
    CHECK(answers.size() == 6);
    if (facts == 2) CHECK(WordVocabulary(said) == WordVocabulary(story_words));
    CHECK(chi_square(answers) < 20.5);
    CHECK(last_place / n < 0.5);
    CHECK(last_mention / n < 0.5);
    for (int64_t k = facts - 1; k < 6; ++k) CHECK(last[std::size_t(k)] > 0);
  }
}

TEST_CASE("stories: the same generator tells the same ones, and what cannot be told is refused") {
  Rng a{1}, b{1};
  CHECK(sample_story(2, 12, a).sentences == sample_story(2, 12, b).sentences);
  CHECK(sample_story(1, 6, a).question == sample_story(1, 6, b).question);
  CHECK(sample_story(1, 1, a).supporting == std::vector<int64_t>{0});
  CHECK(sample_story(2, 2, a).supporting == std::vector<int64_t>{0, 1});
  CHECK_ERROR(Error, sample_story(3, 9, a), "sample_story: an answer follows from 1 or 2 facts, not 3");
  CHECK_ERROR(Error, sample_story(2, 1, a), "sample_story: 1 sentences are too few: an answer follows from 2");
}

// ---- inference, judged by going through all worlds
namespace {

const std::map<std::string, std::string> kind_of{
    {"dog", "animal"},    {"poodle", "dog"},     {"terrier", "dog"},   {"bird", "animal"},  {"sparrow", "bird"},
    {"artist", "person"}, {"painter", "artist"}, {"singer", "artist"}, {"child", "person"}, {"girl", "child"}};
bool is_a(std::string a, const std::string& b) {
  while (a != b) {
    const auto wider = kind_of.find(a);
    if (wider == kind_of.end()) return false;
    a = wider->second;
  }
  return true;
}

struct Claim {  // of a sentence: quantifier, noun, whether it is denied, verb and object together
  std::string quantifier, noun, what;
  bool denied;
};
Claim claim_of(const std::string& sentence) {
  Words w = words_of(sentence);
  Claim c{w[0], w[1], "", w[2] == "does"};
  std::string verb = w[c.denied ? 4 : 2];
  if (!c.denied) verb = verb == "carries" ? "carry" : verb.substr(0, verb.size() - 1);
  c.what = verb + " " + w.back();
  return c;
}
// In each world there are two of each narrowest kind and one more of each other, who do or do not do what the sentences
// say. Whether they do another thing is open.
Inference judge(const Claim& p, const Claim& h) {
  if (p.what != h.what) return Inference::neutral;
  Words members;
  for (const char* kind : {"poodle", "poodle", "terrier", "terrier", "dog", "sparrow", "sparrow", "bird", "animal",
                           "painter", "painter", "singer", "singer", "artist", "girl", "girl", "child", "person"})
    if (is_a(kind, p.noun) || is_a(kind, h.noun)) members.push_back(kind);
  bool can_be_true = false, can_be_false = false;
  for (uint64_t world = 0; world < uint64_t(1) << members.size(); ++world) {
    auto holds = [&](const Claim& c) {
      bool all = true, any = false;
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (!is_a(members[i], c.noun)) continue;
        const bool does = (world >> i & 1) != uint64_t(c.denied);
        all = all && does, any = any || does;
      }
      return c.quantifier == "every" ? all : any;
    };
    if (holds(p)) (holds(h) ? can_be_true : can_be_false) = true;
  }
  return !can_be_false ? Inference::entailment : !can_be_true ? Inference::contradiction : Inference::neutral;
}

}  // namespace

TEST_CASE("inference: labels are what all possible worlds say, and equally frequent") {
  Rng rng{1};
  std::map<std::string, int> labels, labels_of_test;
  for (int i = 0; i < 3000; ++i) {
    const InferencePair p = sample_inference(i < 1500 ? Split::train : Split::test, rng);
    INFO(p.premise << " / " << p.hypothesis);
    REQUIRE(judge(claim_of(p.premise), claim_of(p.hypothesis)) == p.label);
    ++(i < 1500 ? labels : labels_of_test)[std::to_string(int(p.label))];
    const Words premise = words_of(p.premise), hypothesis = words_of(p.hypothesis);
    REQUIRE(p.alignment.size() == hypothesis.size());
    for (std::size_t t = 0; t < hypothesis.size(); ++t) {
      const bool loose = hypothesis[t] == "does" || hypothesis[t] == "not" || hypothesis[t] == "the";
      REQUIRE(p.alignment[t].size() == (loose ? 0 : 1));
      if (loose) continue;
      const std::string& other = premise.at(std::size_t(p.alignment[t][0]));
      if (t == 0) REQUIRE((other == "every" || other == "some"));
      if (t == 1) REQUIRE((is_a(other, hypothesis[t]) || is_a(hypothesis[t], other)));
      if (t + 1 == hypothesis.size()) REQUIRE(other == premise.back());
    }
  }
  for (const auto& counts : {labels, labels_of_test}) {
    CHECK(counts.size() == 3);
    CHECK(chi_square(counts) < 13.8);
  }
}

TEST_CASE("inference: train and test share no pair") {
  Rng rng{1};
  std::set<std::string> trained;
  const auto pair = [&](Split split) {
    const InferencePair p = sample_inference(split, rng);
    return p.premise + " / " + p.hypothesis;
  };
  for (int i = 0; i < 10'000; ++i) trained.insert(pair(Split::train));
  for (int i = 0; i < 1000; ++i) REQUIRE(trained.count(pair(Split::test)) == 0);
}

TEST_CASE("inference: a linear bag of words is right in fewer than 60 % of cases") {
  Rng rng{2};
  std::vector<InferencePair> pairs;
  std::string text;
  for (int i = 0; i < 6000; ++i) {
    pairs.push_back(sample_inference(i < 4000 ? Split::train : Split::test, rng));
    text += pairs.back().premise + " " + pairs.back().hypothesis + " ";
  }
  const WordVocabulary words(text);
  CHECK(words == WordVocabulary(inference_words));
  const int64_t n = std::ssize(pairs), V = words.size();
  std::vector<double> bags(std::size_t(n * 2 * V));
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    const InferencePair& p = pairs[std::size_t(i)];
    for (int64_t id : words.encode(p.premise)) bags[std::size_t(2 * i * V + id)] += 1;
    for (int64_t id : words.encode(p.hypothesis)) bags[std::size_t((2 * i + 1) * V + id)] += 1;
    labels.push_back(int64_t(p.label));
  }
  const Tensor x = tensor(bags, Shape{n, 2 * V}), y = tensor(labels, Shape{n});
  const Range seen = range(0, 4000), unseen = range(4000, n);
  seed(1);
  const Linear model{2 * V, 3};
  AdamW optimizer{.lr = 0.05, .weight_decay = 0};
  for (int step = 0; step < 200; ++step) {
    Tensor loss = cross_entropy(model(x(seen)), y(seen));
    optimizer.step(model, grad(consume(loss), model));
  }
  const double right = mean(cast(argmax(model(x(unseen))) == y(unseen), f64)).item();
  std::printf("inference: a linear bag of words is right in %.1f %% of cases\n", 100 * right);
  CHECK(right < 0.6);
}

// ---- scenes
namespace {

std::string read_cell(const std::vector<double>& pixels, int64_t place) {  // "red circle"; empty if nothing is there
  std::array<bool, 3> lit{};
  std::array<int, 8> widths{};
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < 8; ++y) {
      int width = 0;
      for (int64_t x = 0; x < 8; ++x)
        width += pixels[std::size_t((c * 24 + place / 3 * 8 + y) * 24 + place % 3 * 8 + x)] == 1;
      if (width) lit[std::size_t(c)] = true, widths[std::size_t(y)] = width;
    }
  const std::string colour = lit[0] && lit[1] ? "yellow" : lit[0] ? "red" : lit[1] ? "green" : lit[2] ? "blue" : "";
  if (colour.empty()) return "";
  std::vector<int> rows;
  for (int w : widths)
    if (w) rows.push_back(w);
  const std::map<std::vector<int>, std::string> shapes{{{6, 6, 6, 6, 6, 6}, "square"},
                                                       {{2, 4, 6, 6, 4, 2}, "circle"},
                                                       {{2, 2, 4, 4, 6, 6}, "triangle"},
                                                       {{2, 2, 6, 6, 2, 2}, "cross"}};
  return colour + " " + shapes.at(rows);
}

}  // namespace

TEST_CASE("scenes: the picture shows what the caption says, where the alignment says") {
  Rng rng{1};
  std::map<std::string, int> relations, names;
  std::map<std::string, std::map<std::string, int>> by_objects;  // captions of what a bag of cells holds
  constexpr int n = 20'000;
  for (int i = 0; i < n; ++i) {
    const Scene s = sample_scene(rng);
    REQUIRE(WordVocabulary(scene_words).encode(s.caption).size() == 5);
    const Words w = words_of(s.caption);
    REQUIRE(w.size() == 5);
    if (i < 2000) {
      REQUIRE(s.image.shape() == Shape{3, 24, 24});
      const std::vector<double> pixels = s.image.to_vector();
      std::vector<int64_t> cells;
      Words found;
      for (int64_t place = 0; place < 9; ++place)
        if (const std::string object = read_cell(pixels, place); !object.empty())
          cells.push_back(place), found.push_back(object);
      INFO(s.caption);
      REQUIRE(found == Words{w[0] + " " + w[1], w[3] + " " + w[4]});
      const auto a = cells[0], b = cells[1];
      REQUIRE(s.alignment == Alignment{{a}, {a}, {a, b}, {b}, {b}});
      REQUIRE(w[2] == (a / 3 == b / 3   ? "left-of"
                       : a % 3 == b % 3 ? "above"
                       : a % 3 < b % 3  ? "above-left-of"
                                        : "above-right-of"));
    }
    ++relations[w[2]];
    Words objects{w[0] + " " + w[1], w[3] + " " + w[4]};
    for (const std::string& o : objects) ++names[o];
    std::sort(objects.begin(), objects.end());
    ++by_objects[objects[0] + objects[1]][s.caption];
  }
  CHECK(relations.size() == 4);
  CHECK(chi_square(relations) < 16.3);
  CHECK(names.size() == 16);
  CHECK(chi_square(names) < 37.7);  // 15 degrees of freedom
  double best = 0;                  // whoever knows the objects but not where they are
  for (const auto& [objects, captions] : by_objects)
    best += std::max_element(captions.begin(), captions.end(), [](auto& a, auto& b) {
              return a.second < b.second;
            })->second;
  CHECK(best / n < 0.25);
}

// ---- textures
namespace {

int64_t read_texture(const std::vector<double>& pixels, int64_t channel) {
  auto lit = [&](int64_t y, int64_t x) { return pixels[std::size_t((channel * 16 + y) * 16 + x)] > 0.5; };
  auto share = [&](int64_t dy, int64_t dx) {  // of pixels that are as those dy below and dx to the right
    double same = 0, all = 0;
    for (int64_t y = 4; y + dy < 16; ++y)
      for (int64_t x = 4; x + dx < 16; ++x)
        if (x + dx >= 0) ++all, same += lit(y, x) == lit(y + dy, x + dx);
    return same / all;
  };
  if (share(0, 1) > 0.95) return 0;
  if (share(1, 0) > 0.95) return 1;
  return share(1, -1) > 0.95 ? 3 : 2;
}

}  // namespace

TEST_CASE("textures: the corner names the channel, the channel has the texture, and nothing else tells") {
  Rng rng{1};
  std::map<std::string, int> both;
  double plurality = 0;
  constexpr int n = 3000;
  for (int i = 0; i < n; ++i) {
    const Texture t = sample_texture(rng);
    REQUIRE(t.image.shape() == Shape{3, 16, 16});
    const std::vector<double> pixels = t.image.to_vector();
    std::array<int, texture_kinds> votes{};
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t y = 0; y < 4; ++y)
        for (int64_t x = 0; x < 4; ++x) REQUIRE(pixels[std::size_t((c * 16 + y) * 16 + x)] == (c == t.channel ? 3 : 0));
      const int64_t kind = read_texture(pixels, c);
      if (c == t.channel) REQUIRE(kind == t.kind);
      ++votes[std::size_t(kind)];
    }
    ++both[std::to_string(t.channel) + std::to_string(t.kind)];
    const int most = *std::max_element(votes.begin(), votes.end());
    if (votes[std::size_t(t.kind)] == most) plurality += 1.0 / double(std::count(votes.begin(), votes.end(), most));
  }
  CHECK(both.size() == 12);
  CHECK(chi_square(both) < 31.3);  // 11 degrees of freedom
  // All three alike 1/16, two of them 9/16: without the corner one is right in 1/16 + 9/16 2/3 + 6/16 1/3 of cases.
  CHECK(plurality / n == Approx(0.5625).margin(0.03));
}

TEST_CASE("dotted textures: the red dot's quarter has the texture, and no window of 3 x 3 sees a dot and a texture") {
  Rng rng{1};
  std::map<std::string, int> both;
  for (int i = 0; i < 2000; ++i) {
    const DottedTexture t = sample_dotted_texture(rng);
    REQUIRE(t.image.shape() == Shape{3, 20, 20});
    const Tensor dots = max(t.image(range(0, 2)), 0) > 0;
    REQUIRE(sum(dots).item() == 4);
    const Tensor near = max_pool2d(reshape(cast(dots, f32), {1, 1, 20, 20}), 5, {.stride = 1, .padding = 2});
    REQUIRE(equal(t.image(2) == 0, near(0, 0) > 0));  // textures, with their noise, are never 0
    std::set<int64_t> kinds;
    for (int64_t q = 0; q < 4; ++q) {
      const Range rows = range(q / 2 * 10, q / 2 * 10 + 10), columns = range(q % 2 * 10, q % 2 * 10 + 10);
      REQUIRE(sum(t.image(0, rows, columns)).item() == (q == t.quarter ? 3 : 0));
      REQUIRE(sum(t.image(1, rows, columns)).item() == (q == t.quarter ? 0 : 3));
      auto share = [&](int64_t dy, int64_t dx) {  // of pixels that are as those dy below and dx to the right
        const Tensor part = t.image(2, rows, columns);
        const Range up = range(0, 10 - dy), down = range(dy, 10);
        const Range left = range(std::max<int64_t>(-dx, 0), 10 - std::max<int64_t>(dx, 0)),
                    right = range(std::max<int64_t>(dx, 0), 10 - std::max<int64_t>(-dx, 0));
        const Tensor a = part(up, left), b = part(down, right), counts = (a != 0) & (b != 0);
        return sum(((a > 0.5) == (b > 0.5)) & counts).item() / sum(counts).item();
      };
      const int64_t kind = share(0, 1) > 0.95 ? 0 : share(1, 0) > 0.95 ? 1 : share(1, -1) > 0.95 ? 3 : 2;
      if (q == t.quarter) REQUIRE(kind == t.kind);
      kinds.insert(kind);
    }
    REQUIRE(kinds.size() == 4);
    ++both[std::to_string(t.quarter) + std::to_string(t.kind)];
  }
  CHECK(both.size() == 16);
  CHECK(chi_square(both) < 37.7);  // 15 degrees of freedom
}

TEST_CASE("signposts: a sign lies in its cell as the cell that it points at lies in the picture") {
  Rng rng{1};
  const Signposts s = sample_signposts(2, 900, rng);
  REQUIRE(s.images.shape() == Shape{900, 3, 24, 24});
  std::map<std::string, int> second, form;
  for (int64_t b = 0; b < 900; ++b) {
    const auto path = s.path(b).to_vector<int64_t>();
    REQUIRE(path[0] == 4);
    auto cell = [&](int64_t channel, int64_t c) {
      const int64_t y = c / 3 * 8, x = c % 3 * 8;
      return s.images(b, channel, range(y, y + 8), range(x, x + 8));
    };
    for (std::size_t h = 0; h < 2; ++h) {
      const Tensor sign = cell(0, path[h]);
      const int64_t y = 1 + path[h + 1] / 3 * 2, x = 1 + path[h + 1] % 3 * 2;
      REQUIRE(sum(sign).item() == 4);
      REQUIRE(sum(sign(range(y, y + 2), range(x, x + 2))).item() == 4);
    }
    const auto kind = int64_t(s.form(b).item());
    std::vector<double> pixels;
    for (int64_t y = 0; y < 6; ++y)
      for (int64_t x = 0; x < 6; ++x) pixels.push_back(in_form(kind, y, x));
    const Tensor shape = tensor(pixels, {6, 6}), there = cell(2, path[2]);
    bool found = false;
    for (int64_t y = 0; y < 3; ++y)
      for (int64_t x = 0; x < 3; ++x) found |= equal(there(range(y, y + 6), range(x, x + 6)), shape);
    REQUIRE(found);
    REQUIRE(equal(sum(there), sum(shape)));
    ++second[std::to_string(path[1])], ++form[std::to_string(kind)];
  }
  CHECK(second.size() == 9);
  CHECK(chi_square(second) < 26.1);
  CHECK(chi_square(form) < 16.3);
  CHECK(equal(sample_signposts(0, 3, rng).path, full({3, 1}, 4, i64)));
  CHECK_ERROR(IndexError, sample_signposts(-1, 3, rng), "sample_signposts: there must be 0 hops or more, not -1");
}
