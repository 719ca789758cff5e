// Lets a GPT that train_gpt has trained go on writing.
#include <heed/core/parallel.h>
#include <heed/core/text.h>
#include <heed/heed.h>
#include <heed/models/data/tokenizer.h>
#include <heed/models/gpt/gpt.h>
#include <heed/models/run/run.h>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
using namespace heed;

namespace {

// Text as it comes, token by token: a character is written when its last byte is there.
class Stream {
 public:
  void write(const std::string& bytes) {
    held_ += bytes;
    std::size_t whole = 0;
    while (whole < held_.size()) {
      const std::string_view rest = std::string_view(held_).substr(whole);
      const std::size_t n = valid_utf8(rest);
      if (n == 0 && rest.size() < 4 && begins_character(rest)) break;
      whole += std::max<std::size_t>(n, 1);
    }
    std::fwrite(held_.data(), 1, whole, stdout);
    std::fflush(stdout);
    held_.erase(0, whole);
  }
  void end() const { std::printf("%s\n", held_.c_str()); }

 private:
  static bool begins_character(std::string_view s) {  // could more bytes make it one?
    const auto lead = static_cast<unsigned char>(s[0]);
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return s.size() < length;
  }
  std::string held_;
};

// A line break, or what there is.
int64_t first_token(const Tokenizer& tokenizer) {
  for (int64_t id = 0; id < tokenizer.size(); ++id)
    if (tokenizer.piece(id) == "\n") return id;
  return 0;
}

void talk(Options& options) {
  const std::string folder = options.text("--run", "runs/gpt", "folder that train_gpt has filled");
  const std::string prompt =
      options.text("--prompt", "", "what it goes on from; nothing: a line break, or token 0 if none");
  const int64_t tokens = options.integer("--tokens", 300, "how many it adds", at_least(0));
  options.group("Sampling");
  Sampling how;
  how.temperature = options.number("--temperature", 0.8, "0: the likeliest token each time", at_least(0));
  how.top_k = options.integer("--top-k", 0, "only among so many likeliest; 0: all", at_least(0));
  how.top_p = options.number("--top-p", 1, "only among the likeliest that have this probability", between(1e-9, 1));
  how.repetition_penalty =
      options.number("--repetition-penalty", 1, "of tokens that are there already", at_least(1e-3));
  const int64_t first_seed = options.integer("--seed", 1, "of what is drawn", at_least(0));
  const int64_t samples = options.integer("--samples", 1, "how many continuations", at_least(1));
  options.group("Beam search");
  const int64_t beams = options.integer("--beams", 0, "so many, instead of sampling; 0: none", at_least(0));
  const double length_penalty = options.number("--length-penalty", 0.6, "greater: longer", at_least(0));
  const std::string search = "--beams " + std::to_string(beams);
  for (const char* option : {"--temperature", "--top-k", "--top-p", "--repetition-penalty", "--seed", "--samples"})
    if (beams) options.no_part(option, search);
  if (!beams) options.no_part("--length-penalty", search);
  options.group("Run");
  const std::string dtype = options.choice("--dtype", {"f32", "bf16"}, "of the weights; bf16: half the memory, faster");
  const int64_t threads = options.integer("--threads", 0, "0: all cores; results are the same", between(0, 1024));
  options.done();
  if (threads) set_num_threads(int(threads));

  std::optional<Gpt> found;
  Metadata about;
  const bool any = load_newest(folder, [&](const std::string& path) {
    found.emplace(load_gpt(path + "/model.safetensors"));
    about = load_safetensors(path + "/model.safetensors").metadata;
  });
  if (!any) throw Error(folder + " has no checkpoint: train_gpt --out " + folder + " makes one");
  const Gpt model = dtype == "bf16" ? cast(*found, bf16) : std::move(*found);
  const Tokenizer tokenizer = Tokenizer::load(folder + "/tokenizer.json");
  if (tokenizer.size() != model.vocab || about["tokenizer"] != std::to_string(tokenizer.fingerprint()))
    throw Error(folder + "/tokenizer.json is not the tokenizer that the model was trained with");
  const std::vector<int64_t> begin = prompt.empty() ? std::vector{first_token(tokenizer)} : tokenizer.encode(prompt);

  const auto start = std::chrono::steady_clock::now();
  int64_t made = 0;
  if (beams) {
    const auto best =
        beam_search(model, begin, {.beams = beams, .max_new_tokens = tokens, .length_penalty = length_penalty});
    for (const Hypothesis& h : best) {
      std::printf("--- log probability %.3f\n%s%s\n", h.log_probability, prompt.c_str(),
                  tokenizer.decode(h.tokens).c_str());
      made += int64_t(h.tokens.size());
    }
  } else {
    Rng rng{uint64_t(first_seed)};
    for (int64_t i = 0; i < samples; ++i) {
      if (samples > 1) std::printf("--- %lld\n", static_cast<long long>(i) + 1);
      Stream out;
      out.write(prompt);
      generate(model, {begin}, {.max_new_tokens = tokens, .sampling = how}, rng, [&](int64_t, int64_t token) {
        out.write(tokenizer.piece(token));
        ++made;
        return true;
      });
      out.end();
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::fflush(stdout);
  std::fprintf(stderr, "%.0f tokens per second\n", double(made) / seconds.count());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Lets a GPT that train_gpt has trained go on writing.",
                      .example = "--run runs/gpt --prompt \"The license\" --temperature 0.7 --top-p 0.9"},
                     talk);
}
