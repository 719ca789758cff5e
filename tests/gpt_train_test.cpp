// train_gpt and generate_gpt as their user sees them: killed, stopped, out of space, misused.
#include <fcntl.h>
#include <heed/core/rng.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>
#include "catch.h"
#include "files.h"
#include "program.h"

using namespace files;

namespace {

const std::string small =
    " --layers 2 --heads 2 --width 16 --context 16 --batch 4 --accumulate 2 --dropout 0.1 --warmup 20"
    " --eval-every 50 --eval-tokens 500 --sample-every 0 --save-every 7";

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string corpus(const Folder& folder) {  // about 25 kB
  std::string text;
  for (const char* page : {"/README.md", "/models/seq2seq/README.md"})
    text += read(HEED_SOURCE_DIR + std::string(page));
  write(folder / "text.txt", text);
  return folder / "text.txt";
}

Said train(const std::string& arguments) { return run_program_of_build("train_gpt", arguments); }

// The program in a process of its own, silent.
pid_t start(const std::string& arguments) {
  std::istringstream words(arguments);
  std::vector<std::string> list{std::string(HEED_BINARY_DIR) + "/bin/train_gpt"};
  for (std::string word; words >> word;) list.push_back(word);
  std::vector<char*> argv;
  for (std::string& word : list) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  for (const int fd : {1, 2}) ::dup2(::open("/dev/null", O_WRONLY), fd);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}
bool running(pid_t child) {
  siginfo_t ended{};
  ::waitid(P_PID, id_t(child), &ended, WEXITED | WNOHANG | WNOWAIT);
  return ended.si_pid == 0;
}
int status_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int64_t recorded(const std::string& run) {  // how many steps are in the metrics
  std::ifstream file(run + "/metrics.jsonl");
  return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
}

// What training has led to: the weights, and all that goes on from them.
std::string result(const std::string& run, int steps) {
  const std::string number = std::to_string(steps);
  const std::string checkpoint = run + "/checkpoint-" + std::string(6 - number.size(), '0') + number + "/";
  return read(checkpoint + "model.safetensors") + read(checkpoint + "training.safetensors");
}

std::string refused(const Said& said) {
  INFO(said.text);
  CHECK(said.code == 2);
  CHECK(std::count(said.text.begin(), said.text.end(), '\n') == 1);
  return said.text;
}

}  // namespace

TEST_CASE("training that is killed twenty times ends with the bits of one that is not") {
  const Folder folder;
  const std::string common = " --text " + corpus(folder) + small + " --width 64 --context 32 --steps 1000 ",
                    killed = folder / "killed";
  REQUIRE(train("--out " + (folder / "whole") + common + "--threads 2").code == 0);

  heed::Rng rng{uint64_t(std::chrono::steady_clock::now().time_since_epoch().count())};
  INFO("seed " << rng.seed);
  int kills = 0;
  for (int64_t aim = 0; kills < 20; aim = rng.below(20)) {
    const std::string again = fs::exists(killed) ? " --resume" : "",
                      threads = "--threads " + std::to_string(1 + kills % 3);
    const int64_t before = recorded(killed);
    const pid_t child = start("--out " + killed + common + threads + again);
    while (recorded(killed) < before + aim && running(child))
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(aim ? 5'000 : 60'000)));
    ::kill(child, SIGKILL);
    REQUIRE(status_of(child) == 128 + SIGKILL);
    ++kills;
  }
  CHECK(recorded(killed) < 1000);
  for (const int signal : {SIGINT, SIGTERM}) {
    const int64_t before = recorded(killed);
    const pid_t child = start("--out " + killed + common + "--resume");
    while (recorded(killed) < before + 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::kill(child, signal);
    REQUIRE(status_of(child) == 128 + signal);
  }
  const Said last = train("--resume --out " + killed);  // with the options of the starts before
  INFO(last.text);
  REQUIRE(last.code == 0);
  CHECK(result(killed, 1000) == result(folder / "whole", 1000));
  CHECK(read(killed + "/metrics.jsonl").size() > 0);
  CHECK(recorded(killed) == 1000);
  for (const char* picture : {"loss.svg", "attention.svg"})
    CHECK(read(killed + "/" + picture) == read(folder / "whole/" + picture));
}

TEST_CASE("where there is no more space, the last good checkpoint stays") {
  const Folder folder;
  const std::string run = folder / "run";
  REQUIRE(train("--out " + run + " --text " + corpus(folder) + small + " --steps 21").code == 0);
  // No file may grow beyond 10 blocks: that is too little for a checkpoint, and enough for all else.
  const std::string program = std::string(HEED_BINARY_DIR) + "/bin/train_gpt";
  const std::string limited = "trap '' XFSZ; ulimit -f 10; exec " + program + " --resume --steps 42 --out " + run;
  Said said;
  std::FILE* pipe = ::popen(("bash -c \"" + limited + "\" 2>&1").c_str(), "r");
  std::array<char, 4096> part;
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), pipe)) said.text.append(part.data(), n);
  said.code = WEXITSTATUS(::pclose(pipe));
  INFO(said.text);
  CHECK(said.code == 2);
  CHECK(contains(said.text, "cannot write " + run + "/checkpoint-partial/model.safetensors: File too large\n"));
  const Said after = train("--resume --steps 42 --out " + run);
  INFO(after.text);
  CHECK(after.code == 0);
  CHECK(contains(after.text, "going on after 21 steps\n"));
  CHECK(std::filesystem::exists(run + "/checkpoint-000042"));
}

TEST_CASE("a checkpoint that is cut off gives way to the one before it, in training and in generation") {
  const Folder folder;
  const std::string run = folder / "run";
  REQUIRE(train("--out " + run + " --text " + corpus(folder) + small + " --steps 21").code == 0);
  const std::string whole = result(run, 21), newest = run + "/checkpoint-000021/model.safetensors";
  write(newest, read(newest).substr(0, 5000));
  const Said talk = run_program_of_build("generate_gpt", "--run " + run + " --tokens 5");
  INFO(talk.text);
  CHECK(talk.code == 0);
  CHECK(contains(talk.text, "cannot read " + newest));
  CHECK(contains(talk.text, "; going on from checkpoint-000014\n"));
  const Said again = train("--resume --out " + run);
  INFO(again.text);
  CHECK(again.code == 0);
  CHECK(contains(again.text, "; going on from checkpoint-000014\n"));
  CHECK(result(run, 21) == whole);
}

TEST_CASE("without a prompt text begins behind a line break, or token 0 where the model knows none") {
  const Folder folder;
  std::string text = read(corpus(folder));
  std::replace(text.begin(), text.end(), '\n', ' ');
  write(folder / "line.txt", text);
  const std::string run = folder / "run";
  REQUIRE(train("--out " + run + " --text " + (folder / "line.txt") + small + " --steps 1").code == 0);
  for (const char* how : {"", " --beams 2"}) {
    const Said said = run_program_of_build("generate_gpt", "--tokens 5 --run " + run + how);
    INFO(said.text);
    CHECK(said.code == 0);
  }
}

TEST_CASE("train_gpt says what is wrong in one line and exits with 2") {
  const Folder folder;
  const std::string text = corpus(folder), run = folder / "run", rest = " --text " + text + small + " --out " + run;
  const auto with_text = [&](const std::string& bytes, const std::string& more = "") {
    write(folder / "other.txt", bytes);
    return refused(train("--text " + (folder / "other.txt") + small + " --out " + (folder / "other") + more));
  };
  CHECK(contains(refused(train("--out " + run)), "--text is needed"));
  CHECK(contains(refused(train("--layer 3" + rest)), "unknown flag --layer: did you mean --layers?"));
  CHECK(contains(refused(train(rest + " --width 15")), "--width 15 must be a multiple of --heads 2"));
  CHECK(contains(refused(train(rest + " --kv-heads 3")), "--heads 2 must be a multiple of --kv-heads 3"));
  CHECK(contains(refused(train("--text " + (folder / "none.txt"))),
                 "cannot read " + (folder / "none.txt") + ": No such file"));
  CHECK(contains(refused(train("--text " + folder.path.string())), "cannot read " + folder.path.string()));
  CHECK(contains(with_text(""), "is empty"));
  CHECK(contains(with_text("abc\xff" + read(text)), "byte 3"));
  CHECK(contains(with_text("abc\xff" + read(text), " --tokenizer bpe"), "byte 3"));
  CHECK(contains(with_text("0123456789 0123456789"), "context"));
  CHECK_FALSE(std::filesystem::exists(run));
  CHECK_FALSE(std::filesystem::exists(folder / "other"));

  REQUIRE(train(rest + " --steps 7").code == 0);
  CHECK(contains(refused(train("--resume --layers 3 --out " + run)), "layers is 2 in the file and 3 in the model"));
  CHECK(contains(refused(train("--resume --context 8 --out " + run)), "context is 16 in the file and 8 in the model"));
  CHECK(contains(refused(train("--resume --tokenizer bytes --out " + run)),
                 "was trained with --tokenizer characters, not bytes"));
  write(folder / "less.txt", read(text).substr(0, read(text).size() / 2));
  CHECK(contains(refused(train("--resume --out " + run + " --text " + (folder / "less.txt"))),
                 "is not the text of this run"));
  CHECK(train("--resume --out " + run).code == 0);  // with the options of before
  CHECK(contains(refused(train("--resume --seed 2 --out " + run)), "--seed has no part in --resume\n"));
  CHECK(contains(refused(train("--resume --out " + (folder / "none"))), "--text is needed"));
  CHECK(contains(refused(train("--resume --out " + (folder / "none") + " --text " + text)), "there is no such folder"));
  std::string other = read(run + "/tokenizer.json");
  std::swap(other[other.find("abc")], other[other.find("abc") + 1]);  // as many tokens
  write(run + "/tokenizer.json", other);
  CHECK(contains(refused(run_program_of_build("generate_gpt", "--run " + run)), "tokenizer.json"));
  CHECK(contains(refused(train("--resume --out " + run)), "tokenizer"));
  write(run + "/tokenizer.json", "{");
  CHECK(contains(refused(train("--resume --out " + run)), "cannot read " + run + "/tokenizer.json"));

  const auto talk = [&](const std::string& arguments) { return run_program_of_build("generate_gpt", arguments); };
  CHECK(contains(refused(talk("--run " + run)), "cannot read " + run + "/tokenizer.json"));
  CHECK(contains(refused(talk("--run " + (folder / "none"))), "there is no such folder"));
  CHECK(contains(refused(talk("--run " + folder.path.string())), "has no checkpoint: train_gpt --out"));
  CHECK(contains(refused(talk("--temperature -1")), "--temperature -1: must be at least 0"));
  CHECK(contains(refused(talk("--top-p 2")), "--top-p 2"));
  for (const char* option : {"--temperature", "--top-k", "--top-p", "--repetition-penalty", "--seed", "--samples"})
    CHECK(contains(refused(talk("--beams 2 " + std::string(option) + " 1")),
                   std::string(option) + " has no part in --beams 2\n"));
  CHECK(contains(refused(talk("--length-penalty 1")), "--length-penalty has no part in --beams 0\n"));
  CHECK(contains(refused(train(rest + " --vocab 999")), "--vocab has no part in --tokenizer characters\n"));
}

TEST_CASE("every tokenizer and kind of position trains, shows its figures and writes text again") {
  const Folder folder;
  const std::string text = corpus(folder);
  for (const char* kind : {"characters", "bytes", "bpe --vocab 300 --positions rotary --kv-heads 1"}) {
    const std::string run = folder / "run", arguments = " --run " + run + " --tokens 30 --prompt \"a model\"";
    std::filesystem::remove_all(run);
    const Said said = train("--out " + run + " --text " + text + small + " --steps 60 --lr 0.01 --tokenizer " + kind);
    INFO(said.text);
    REQUIRE(said.code == 0);
    const double loss = said.after("validation loss "), bits = said.after(", ");
    CHECK(loss < 5);
    CHECK(said.after("perplexity ") == Approx(std::exp(loss)).epsilon(1e-3));
    CHECK(bits > 0);
    CHECK(said.after("per character, perplexity ") > 1);
    for (const char* words : {"tokens to train on", "seed 1, ", "threads, ", " loops, heed 0.",
                              "tokens per second in training", "peak memory"})
      CHECK(contains(said.text, words));
    const auto talk = [&](const std::string& more) {
      const Said said = run_program_of_build("generate_gpt", arguments + more);
      INFO(said.text);
      CHECK(said.code == 0);
      CHECK(contains(said.text, "a model"));
      return said.text.substr(0, said.text.rfind('\n', said.text.size() - 2));  // without the time
    };
    const std::string one = talk(" --seed 3 --top-k 5 --repetition-penalty 1.1 --threads 1");
    CHECK(talk(" --seed 3 --top-k 5 --repetition-penalty 1.1 --threads 2") == one);
    CHECK(talk(" --seed 3 --top-p 0.9 --samples 2") != one);
    CHECK(talk(" --seed 3 --dtype bf16 --threads 1") == talk(" --seed 3 --dtype bf16 --threads 2"));
    CHECK(contains(talk(" --beams 2"), "--- log probability -"));
  }
}
