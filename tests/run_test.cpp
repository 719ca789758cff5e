#include <heed/core/version.h>
#include <heed/heed.h>
#include <heed/models/run/run.h>
#include <heed/nn/dropout.h>
#include <heed/nn/linear.h>
#include <heed/optim/adam.h>
#include <heed/optim/sgd.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmath>
#include <csignal>
#include <limits>
#include <set>
#include <thread>
#include "files.h"

using namespace heed;
using files::error_of, files::Folder, files::read, files::write;

namespace {

// ---- a program: a child process, and what it has printed
struct Ended {
  int code = -1, signal = 0;
  std::string out, err;
};

Ended ended(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, "", ""};
}

template <class F>
pid_t start(const Folder& folder, F&& program) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const bool captured =
      std::freopen((folder / "out").c_str(), "w", stdout) && std::freopen((folder / "err").c_str(), "w", stderr);
  const int code = captured ? program() : 99;
  std::fflush(nullptr);
  _exit(code);
}

template <class F>
Ended run_child(F&& program) {
  const Folder folder;
  Ended r = ended(start(folder, program));
  r.out = read(folder / "out");
  r.err = read(folder / "err");
  return r;
}

void program(Options& options) {
  options.group("Training");
  const auto steps = options.integer("--steps", 400, "training steps", at_least(1));
  const auto lr = options.number("--lr", 3e-3, "peak learning rate", between(0, 1));
  options.group("Model");
  const auto attention = options.choice("--attention", {"additive", "none"}, "what the decoder looks at");
  const auto out = options.text("--out", "runs/dates", "folder of the run");
  const auto text = options.required("--text", "the file to learn from");
  const auto resume = options.flag("--resume", "goes on where the run in --out has stopped");
  options.done();
  std::printf("%ld %g %s %s %s %d\n", long(steps), lr, attention.c_str(), out.c_str(), text.c_str(), resume);
}

Ended called_with(std::vector<const char*> arguments, void (*body)(Options&) = program) {
  arguments.insert(arguments.begin(), "/usr/bin/train_dates");
  return run_child([&] {
    return run_program(int(arguments.size()), arguments.data(), {"Learns dates.", "--attention none"}, body);
  });
}

std::string complaint(const std::vector<const char*>& arguments) {
  const Ended r = called_with(arguments);
  CHECK(r.code == 2);
  CHECK(r.out.empty());
  return r.err;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

Options no_options() {
  static const char* name = "test";
  return Options(1, &name, {"A test."});
}

}  // namespace

// ---- options

TEST_CASE("options are values, given in either form or left alone") {
  CHECK(called_with({"--text", "a.txt"}).out == "400 0.003 additive runs/dates a.txt 0\n");
  CHECK(called_with({"--text=a=b", "--steps=7", "--lr", "1e-4", "--attention", "none", "--resume"}).out ==
        "7 0.0001 none runs/dates a=b 1\n");
  CHECK(called_with({"--steps", "3", "--steps", "4", "--text=--out"}).out == "4 0.003 additive runs/dates --out 0\n");
}

TEST_CASE("a choice of values that have names, and options that have no part in it") {
  const auto said = [](std::vector<const char*> arguments) {
    return called_with(std::move(arguments), [](Options& options) {
      const auto [name, value] = options.choice<double>("--size", {{"half", 0.5}, {"double", 2}}, "of it");
      const auto steps = options.integer("--steps", 3, "steps");
      const bool fast = options.flag("--fast", "at once");
      if (value > 1) options.no_part("--steps", "--size " + name), options.no_part("--fast", "--size " + name);
      options.done();
      std::printf("%s %g %ld %d", name.c_str(), value, long(steps), fast);
    });
  };
  CHECK(said({}).out == "half 0.5 3 0");
  CHECK(said({"--steps", "4", "--size=half", "--fast"}).out == "half 0.5 4 1");
  CHECK(said({"--size", "double"}).out == "double 2 3 0");
  CHECK(said({"--size", "none"}).err == "train_dates: --size none: must be half or double\n");
  const Ended r = said({"--steps", "3", "--size", "double"});  // though it is the usual one
  CHECK(r.code == 2);
  CHECK(r.err == "train_dates: --steps has no part in --size double\n");
  CHECK(said({"--fast", "--size", "double"}).err == "train_dates: --fast has no part in --size double\n");
}

TEST_CASE("words are the arguments that belong to no option") {
  const auto said = [](std::vector<const char*> arguments) {
    return called_with(std::move(arguments), [](Options& options) {
      const auto threads = options.integer("--threads", 2, "threads");
      const auto list = options.flag("--list", "names them");
      const auto names = options.words("NAME", "an item");
      options.done();
      std::printf("%ld %d", long(threads), list);
      for (const std::string& name : names) std::printf(" %s", name.c_str());
    });
  };
  CHECK(said({}).out == "2 0");
  CHECK(said({"a", "--threads", "3", "b", "--list", "c"}).out == "3 1 a b c");
  CHECK(contains(said({"--help"}).out, "[NAME...]"));
  CHECK(said({"a", "--lists"}).err == "train_dates: unknown flag --lists: did you mean --list?\n");
}

TEST_CASE("a bad command line is one line and exit code 2") {
  CHECK(complaint({}) == "train_dates: --text is needed: the file to learn from\n");
  CHECK(complaint({"--stepz", "5"}) == "train_dates: unknown flag --stepz: did you mean --steps?\n");
  CHECK(complaint({"--texts=5"}) == "train_dates: unknown flag --texts: did you mean --text?\n");
  CHECK(complaint({"--gradients"}) == "train_dates: unknown flag --gradients: --help lists those there are\n");
  CHECK(complaint({"--text", "a", "b"}) == "train_dates: unexpected argument b\n");
  CHECK(complaint({"--text", "a", "--steps", "many"}) == "train_dates: --steps many: must be a whole number\n");
  CHECK(complaint({"--text", "a", "--steps", "2.5"}) == "train_dates: --steps 2.5: must be a whole number\n");
  CHECK(complaint({"--text", "a", "--steps", "-3"}) == "train_dates: --steps -3: must be at least 1\n");
  CHECK(complaint({"--text", "a", "--lr", "2"}) == "train_dates: --lr 2: must be from 0 to 1\n");
  CHECK(complaint({"--text", "a", "--lr", "nan"}) == "train_dates: --lr nan: must be a number\n");
  CHECK(complaint({"--text", "a", "--attention", "all"}) == "train_dates: --attention all: must be additive or none\n");
  CHECK(complaint({"--text", "a", "--steps"}) == "train_dates: --steps needs a value\n");
  CHECK(complaint({"--text", "a", "--steps", "--lr", "1"}) == "train_dates: --steps needs a value\n");
  CHECK(complaint({"--text", "a", "--resume=maybe"}) ==
        "train_dates: --resume maybe: must be true or false, or stand alone\n");
}

TEST_CASE("what a former start was given is usual for the options that follow") {
  const Folder folder;
  const std::string info = folder / "run.json";
  write(info, R"([{"options": {"steps": 1}},
                  {"options": {"steps": 7, "lr": 0.5, "attention": "none", "text": "a.txt", "resume": true, "out": 5}}])");
  static std::string place;
  place = info;
  const auto recalled = [](std::vector<const char*> arguments) {
    return called_with(std::move(arguments), [](Options& options) {
      options.recall(place);
      program(options);
    });
  };
  CHECK(recalled({}).out == "7 0.5 none runs/dates a.txt 1\n");
  CHECK(recalled({"--steps=8", "--resume=false", "--text", "b"}).out == "8 0.5 none runs/dates b 0\n");
  CHECK(contains(recalled({"--help"}).out, "--steps N [7]"));
  for (const char* broken : {"", "{}", "[]", "[1]", "[{}]", R"([{"options": 3}])"}) {
    write(info, broken);
    CHECK(recalled({"--text", "b"}).out == "400 0.003 additive runs/dates b 0\n");
  }
  std::filesystem::remove(info);
  CHECK(recalled({"--text", "b"}).out == "400 0.003 additive runs/dates b 0\n");
}

TEST_CASE("--help lists options with their defaults, and wins over mistakes") {
  const Ended help = called_with({"--help", "--steps", "many"});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  for (const char* part : {"Learns dates.", "Training:", "--steps N [400]", "training steps", "Model:",
                           "--attention additive|none [additive]", "--resume", "train_dates --attention none"})
    CHECK(contains(help.out, part));
  CHECK(called_with({"--version"}).out == "heed " + std::string(version()) + "\n");
}

TEST_CASE("an exception that leaves a program is one line") {
  const Ended missing = called_with({}, [](Options&) { load_safetensors("no/such/file", {"train.cpp", 7}); });
  CHECK(missing.code == 2);
  CHECK(missing.err ==
        "train_dates: train.cpp:7: load_safetensors: cannot read no/such/file: No such file or directory\n");
  const Ended other = called_with({}, [](Options&) { throw std::out_of_range("beyond"); });
  CHECK(other.code == 1);
  CHECK(other.err == "train_dates: beyond\n");
}

// ---- progress

TEST_CASE("progress counts from the first step to the last") {
  const Ended r = run_child([] {
    std::vector<int64_t> seen, last;
    for (auto& step : progress(5, 2)) {
      seen.push_back(step);
      if (step.last()) last.push_back(step);
    }
    for ([[maybe_unused]] auto& step : progress(3, 3)) return 1;
    for ([[maybe_unused]] auto& step : progress(0)) return 2;
    return seen == std::vector<int64_t>{2, 3, 4} && last == std::vector<int64_t>{4} ? 0 : 3;
  });
  CHECK(r.code == 0);
}

TEST_CASE("outside a terminal there is a plain line for every 5 %") {
  const Ended r = run_child([] {
    for (auto& step : progress(100)) {
      step.show("loss", step < 50 ? 1.0 : 0.5);
      if (step == 49) step.show("exact match", 93.25);
      if (step == 60) step.print("a sample");
    }
    return 0;
  });
  CHECK(lines(r.out) == 21);
  CHECK(r.out.starts_with("step   5/100  loss 1  "));
  CHECK(contains(r.out, "\nstep  50/100  loss 1  exact match 93.25  "));
  CHECK(contains(r.out, "\na sample\n"));
  CHECK(contains(r.out, "\nstep 100/100  loss 0.5"));
  CHECK(r.out.find_first_of("\r\033") == std::string::npos);
}

TEST_CASE("what is shown in each step is a mean, what is shown now and then is not") {
  const Ended r = run_child([] {
    for (auto& step : progress(4)) {
      step.show("each", double(step) + 0.25);
      if (step % 2 == 0) step.show("other", double(step) + 0.25);
      step.show("broken", step == 1 ? NAN : 2.5);
    }
    return 0;
  });
  CHECK(contains(r.out, "step 2/4  each 0.7500  other 0.2500  broken nan  "));
  CHECK(contains(r.out, "step 4/4  each 1.750  other 2.250  broken 2.500  "));
}

TEST_CASE("on a terminal one line is written again and again, never wider than the terminal") {
  winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  std::fflush(nullptr);
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    for (auto& step : progress(3)) step.show("a value with a name that is so long that there is no place for it", 1);
    _exit(0);
  }
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(terminal, buffer, sizeof buffer)) > 0;) out.append(buffer, std::size_t(n));
  close(terminal);
  CHECK(ended(child).code == 0);
  CHECK(out.starts_with("\r▕ "));
  CHECK(contains(out, " 0/3\033[K"));
  CHECK(contains(out, "▏ 3/3  "));
  CHECK(out.ends_with("\033[K\r\n"));
  CHECK(!contains(out, "a value"));
}

TEST_CASE("the first signal ends the loop after the step, the second one the program") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Ended once = called_with({signal == SIGINT ? "--int" : "--term"}, [](Options& options) {
      const int number = options.flag("--int", "Ctrl-C") ? SIGINT : SIGTERM;
      options.flag("--term", "kill");
      options.done();
      for (auto& step : progress(1000)) {
        if (step == 2) {
          std::raise(number);
          std::printf("step %d is whole, last %d\n", int(step), step.last());
        }
      }
      for ([[maybe_unused]] auto& step : progress(10)) std::printf("never\n");
      std::printf("signal %d\n", interrupted() == number);
    });
    CHECK(once.code == 128 + signal);
    CHECK(contains(once.out, "step 2 is whole, last 1\n"));
    CHECK(contains(once.out, "step    3/1000"));
    CHECK(once.out.ends_with("signal 1\n"));
    CHECK(!contains(once.out, "never"));
    CHECK(once.err == "\nstopping after this step; once more to stop at once\n");
  }
  const Ended twice = run_child([] {
    for ([[maybe_unused]] auto& step : progress(3)) {
      std::raise(SIGINT);
      std::raise(SIGTERM);
    }
    return 0;
  });
  CHECK(twice.signal == SIGTERM);
}

TEST_CASE("a signal that comes after last() was asked lets one more step begin") {
  const Ended r = run_child([] {
    std::vector<int64_t> saved, begun;
    for (auto& step : progress(10)) {
      begun.push_back(step);
      if (step.last()) saved.push_back(step);
      if (step == 4) std::raise(SIGINT);
    }
    return saved == std::vector<int64_t>{5} && begun.back() == 5 ? 0 : 1;
  });
  CHECK(r.code == 0);
}

TEST_CASE("outside the loops signals do what they did before") {
  const Ended r = run_child([] {
    std::signal(SIGTERM, SIG_IGN);
    for ([[maybe_unused]] auto& step : progress(2)) std::raise(SIGTERM);  // ignored, as in a program under nohup
    if (interrupted()) return 1;
    std::raise(SIGINT);
    return 2;
  });
  CHECK(r.signal == SIGINT);
}

// ---- the folder of a run

TEST_CASE("metrics are lines of JSON, and what is not finite is null") {
  const Folder folder;
  RunFolder run(folder / "runs/new", no_options());
  run.record(0, {{"loss", 2.5}, {"lr", 1e-5}});
  run.record(1, {{"loss", std::nan("")}, {"exact match", std::numeric_limits<double>::infinity()}});
  CHECK(read(run.path("metrics.jsonl")) ==
        "{\"step\":0,\"loss\":2.5,\"lr\":1e-05}\n{\"step\":1,\"loss\":null,\"exact match\":null}\n");
  const RunFolder::Metric loss = run.metric("loss");
  CHECK(loss.steps == std::vector<double>{0, 1});
  CHECK(loss.values[0] == 2.5);
  CHECK(std::isnan(loss.values[1]));
  CHECK(run.metric("lr").steps == std::vector<double>{0});
  CHECK(run.path() == folder / "runs/new");
  for (const char* part : {"\"program\": \"test\"", "\"first_step\": 0", "\"threads\"", "\"blas\"", "\"date\": \"20"})
    CHECK(contains(read(run.path("run.json")), part));
}

TEST_CASE("what a loop shows is recorded, also in a step that break has ended") {
  const Folder folder;
  const Ended r = run_child([&] {
    RunFolder run(folder / "run", no_options());
    for (auto& step : progress(4, run)) {
      if (step != 1) step.show("loss", double(step));
      if (step == 2) break;
    }
    return 0;
  });
  CHECK(r.code == 0);
  CHECK(read(folder / "run/metrics.jsonl") == "{\"step\":0,\"loss\":0.0}\n{\"step\":2,\"loss\":2.0}\n");
}

TEST_CASE("what has been shown is recorded before a checkpoint, and once") {
  const Folder folder;
  RunFolder run(folder / "run", no_options());
  for (auto& step : progress(3, run)) {
    step.show("loss", double(step));
    CHECK(step.last() == (step == 2));
    CHECK(run.metric("loss").values.size() == std::size_t(step + 1));
    if (step == 1) step.show("late", 7);
  }
  CHECK(read(folder / "run/metrics.jsonl") ==
        "{\"step\":0,\"loss\":0.0}\n{\"step\":1,\"loss\":1.0}\n{\"step\":1,\"late\":7.0}\n{\"step\":2,\"loss\":2.0}\n");
}

TEST_CASE("a run that goes on drops the metrics of steps that are taken again") {
  const Folder folder;
  const std::string metrics = folder / "run/metrics.jsonl";
  {
    RunFolder run(folder / "run/", no_options());
    for (int step : {0, 10, 20, 30}) run.record(step, {{"loss", step}});
  }
  write(metrics, read(metrics) + "{\"step\":40,\"lo");  // a kill
  {
    RunFolder run(folder / "run", no_options(), 20);
    CHECK(run.first() == 20);
    run.record(20, {{"loss", 21}});
    CHECK(run.metric("loss").values == std::vector<double>{0, 10, 21});
  }
  CHECK(read(metrics) == "{\"step\":0,\"loss\":0.0}\n{\"step\":10,\"loss\":10.0}\n{\"step\":20,\"loss\":21.0}\n");
  CHECK(contains(read(folder / "run/run.json"), "\"first_step\": 0"));
  CHECK(contains(read(folder / "run/run.json"), "\"first_step\": 20"));
}

TEST_CASE("a run that starts anew keeps the former one under another name") {
  const Folder folder;
  const Ended r = run_child([&] {
    for (int i : {0, 1, 2}) RunFolder(folder / "run", no_options()).record(i, {{"loss", i}});
    return 0;
  });
  CHECK(r.code == 0);
  CHECK(lines(r.err) == 2);
  CHECK(contains(r.err, "run held a run: it is in " + folder / "run.1 now\n"));
  CHECK(contains(read(folder / "run.1/metrics.jsonl"), "\"step\":0"));
  CHECK(contains(read(folder / "run.2/metrics.jsonl"), "\"step\":1"));
  CHECK(contains(read(folder / "run/metrics.jsonl"), "\"step\":2"));
}

TEST_CASE("a run that goes on from its beginning stays where it is") {
  const Folder folder;
  RunFolder(folder / "run", no_options()).record(0, {{"loss", 1}});
  RunFolder run(folder / "run", no_options(), 0);
  CHECK(run.metric("loss").steps.empty());
  CHECK_FALSE(std::filesystem::exists(folder / "run.1"));
}

TEST_CASE("a folder that cannot be made is an error in one line") {
  const Folder folder;
  write(folder / "file", "x");
  const std::string place = folder / "file/run";
  CHECK(error_of([&] {
          RunFolder(place, no_options(), {}, {"train.cpp", 9});
        }) == "train.cpp:9: RunFolder: cannot make the folder " + place + ": Not a directory");
  Linear model{.in = 1, .out = 1};
  CHECK(error_of([&] {
          Checkpoints(place, model).save(1, {}, {"train.cpp", 8});
        }) == "train.cpp:8: save: cannot write " + place + "/checkpoint-000001: Not a directory");
}

// ---- checkpoints

namespace {

struct Mlp {
  int64_t in, hidden, out;
  Linear up{in, hidden}, down{hidden, out};
  Dropout dropout{0.1};
  Tensor operator()(In x, Rng* training = nullptr) const { return down(dropout(tanh(up(x)), training)); }
};

struct Best {
  double loss = std::numeric_limits<double>::infinity();
  float third = 1.0f / 3;
  uint8_t flags = 0;
  std::string sample;
  Tensor where, nothing;
  std::vector<double> history;
};

Mlp new_model(uint64_t n) {
  seed(n);
  return {.in = 2, .hidden = 5, .out = 1};
}

struct Training {  // a program that can be stopped at any step
  Mlp model;
  AdamW adam{.lr = 1e-2};
  Sgd sgd{.lr = 1e-3, .momentum = 0.9};
  Rng rng{7};
  Best best;
  Checkpoints checkpoints;

  explicit Training(const std::string& folder, uint64_t n = 3) : model(new_model(n)), checkpoints(folder, model) {
    checkpoints.add("adam", adam).add("sgd", sgd).add("rng", rng).add("best", best);
  }
  void steps(int n) {
    for (int i = 0; i < n; ++i) {
      Tensor x = rand({4, 2}, rng);
      Tensor e = model(x, &rng) - sum(x * x, -1, keepdim);
      Tensor loss = mean(e * e);
      Gradients g = grad(loss, model);
      adam.step(model, g);
      sgd.step(model, g);
      best.loss = std::min(best.loss, loss.item());
      best.history.push_back(loss.item());
      best.where = x;
      best.flags = uint8_t(best.history.size());
      best.sample = "step \"" + std::to_string(best.history.size()) + "\"\n";
    }
  }
  std::vector<Tensor> tensors() const {
    std::vector<Tensor> all = state(model).values;
    for (const Slots* s : {&adam.steps, &adam.exp_avg, &adam.exp_avg_sq, &sgd.momentum_buffer})
      all.insert(all.end(), s->values.begin(), s->values.end());
    all.push_back(best.where);
    return all;
  }
};

void check_same(const Training& a, const Training& b) {
  const auto x = a.tensors(), y = b.tensors();
  REQUIRE(x.size() == y.size());
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(equal(x[i], y[i]));
  CHECK(a.adam.exp_avg.paths == b.adam.exp_avg.paths);
  CHECK((a.rng.seed == b.rng.seed && a.rng.counter == b.rng.counter));
  CHECK((a.best.loss == b.best.loss && a.best.third == b.best.third && a.best.flags == b.best.flags));
  CHECK((a.best.sample == b.best.sample && a.best.history == b.best.history && !b.best.nothing.defined()));
}

// Saved after 2 and after 4 steps.
void train_four(const std::string& folder) {
  Training t(folder);
  for (int step : {2, 4}) {
    t.steps(2);
    t.checkpoints.save(step);
  }
}

// What load says when it takes the checkpoint of step 2, and that it does.
std::string said_at_step_2(const std::string& folder) {
  const Ended r = run_child([&] {
    Training t(folder);
    const int64_t step = t.checkpoints.load();
    return int(step) == 2 && t.adam.steps.values[0].item() == 2 && t.best.history.size() == 2 ? 0 : 1;
  });
  CHECK(r.code == 0);
  return r.err;
}

}  // namespace

TEST_CASE("training that stops and goes on is bit for bit training that does not stop") {
  const Folder folder;
  Training whole(folder / "whole");
  whole.steps(6);
  train_four(folder / "run");

  Training resumed(folder / "run", 4);
  resumed.best.nothing = ones({2});
  CHECK(resumed.checkpoints.load() == 4);
  resumed.steps(2);
  check_same(whole, resumed);
}

TEST_CASE("a checkpoint goes into a program that has gone further") {
  const Folder folder;
  Training saved(folder / "run");
  saved.steps(1);
  saved.checkpoints.save(1);
  Training other(folder / "run", 4);
  other.rng = Rng{99};
  other.steps(3);
  CHECK(other.checkpoints.load() == 1);
  check_same(saved, other);
}

TEST_CASE("the model's file is a model's file, and metadata go into it") {
  const Folder folder;
  Training t(folder / "run");
  t.checkpoints.save(1234567, {{"alphabet", "abc"}});
  const std::string path = folder / "run/checkpoint-1234567/model.safetensors";
  CHECK(load_safetensors(path).metadata.at("alphabet") == "abc");
  Mlp alone{.in = 2, .hidden = 5, .out = 1};
  load(path, alone);
  CHECK(equal(alone.up.weight, t.model.up.weight));
}

TEST_CASE("there are the newest checkpoint and the one before it") {
  const Folder folder;
  Training t(folder / "run");
  const auto there = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "run")) names.insert(entry.path().filename());
    return names;
  };
  for (int step : {1, 2, 3}) t.checkpoints.save(step);
  CHECK(there() == std::set<std::string>{"checkpoint-000002", "checkpoint-000003"});
  t.steps(1);
  t.checkpoints.save(3);
  CHECK(there() == std::set<std::string>{"checkpoint-000002", "checkpoint-000003"});
  Training again(folder / "run", 4);
  CHECK(again.checkpoints.load() == 3);
  check_same(t, again);
  t.checkpoints.save(1);  // what comes after it belongs to a future that was given up
  CHECK(there() == std::set<std::string>{"checkpoint-000001"});
}

TEST_CASE("a checkpoint that is broken gives way to the one before it") {
  const Folder folder;
  train_four(folder / "run");
  const std::string newest = folder / "run/checkpoint-000004/";
  for (const char* name : {"model.safetensors", "training.safetensors"}) {
    const std::string bytes = read(newest + name);
    for (const std::size_t length : {bytes.size() - 1, bytes.size() / 2, std::size_t{9}, std::size_t{0}}) {
      write(newest + name, bytes.substr(0, length));
      const std::string said = said_at_step_2(folder / "run");
      CHECK(contains(said, std::string("cannot read ") + newest + name + ": "));
      CHECK(said.ends_with("; going on from checkpoint-000002\n"));
    }
    std::filesystem::remove(newest + name);
    CHECK(contains(said_at_step_2(folder / "run"), "No such file or directory; going on from checkpoint-000002\n"));
    write(newest + name, bytes);
  }
  Training t(folder / "run");
  CHECK(t.checkpoints.load() == 4);
}

TEST_CASE("what a kill leaves of a checkpoint is not taken for one, and goes away") {
  const Folder folder;
  train_four(folder / "run");
  const std::string partial = folder / "run/checkpoint-partial";
  std::filesystem::copy(folder / "run/checkpoint-000002", partial);
  std::filesystem::remove(partial + "/training.safetensors");
  Training t(folder / "run");
  CHECK(t.checkpoints.load() == 4);
  t.checkpoints.save(5);
  CHECK(!std::filesystem::exists(partial));
  CHECK(t.checkpoints.load() == 5);
}

TEST_CASE("a program killed at any moment leaves a whole checkpoint") {
  const Folder folder;
  for (int round = 0; round < 10; ++round) {
    const std::string place = folder / ("run" + std::to_string(round));
    train_four(place);
    const pid_t child = start(folder, [&] {
      Training t(place, 4);
      for (int64_t step = t.checkpoints.load();;) {
        t.steps(1);
        t.checkpoints.save(++step);
      }
      return 0;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * round));
    kill(child, SIGKILL);
    CHECK(ended(child).signal == SIGKILL);
    Training whole(place + "-whole"), left(place, 4);
    const int64_t step = left.checkpoints.load();
    CHECK(step >= 4);
    whole.steps(int(step));
    check_same(whole, left);
  }
}

TEST_CASE("where there is no more space, what was there stays") {
  const Folder folder;
  const Ended r = run_child([&] {
    train_four(folder / "run");
    RunFolder run(folder / "metrics", no_options());
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit full{.rlim_cur = 64, .rlim_max = RLIM_INFINITY}, plenty{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &full);
    Training t(folder / "run", 4);
    const std::string refused = error_of([&] { t.checkpoints.save(5); });
    const std::string unrecorded = error_of([&] {
      for (int i = 0; i < 10; ++i) run.record(i, {{"loss", i}});
    });
    setrlimit(RLIMIT_FSIZE, &plenty);
    std::printf("%s\n%s\n", refused.c_str(), unrecorded.c_str());
    return int(t.checkpoints.load());
  });
  CHECK(r.code == 4);
  CHECK(contains(r.out, "save: cannot write " + folder / "run/checkpoint-partial/model.safetensors: File too large\n"));
  CHECK(contains(r.out, "record: cannot write " + folder / "metrics/metrics.jsonl: File too large\n"));
}

TEST_CASE("a checkpoint of another program is refused with the first difference") {
  const Folder folder;
  train_four(folder / "run");
  const auto refused = [&](auto&& change) {
    Mlp model{.in = 2, .hidden = 5, .out = 1};
    Checkpoints checkpoints(folder / "run", model);
    return error_of([&] { change(checkpoints); });
  };
  Mlp wider{.in = 2, .hidden = 6, .out = 1};
  CHECK(contains(error_of([&] { Checkpoints(folder / "run", wider).load(); }),
                 "hidden is 5 in the file and 6 in the model"));
  CHECK(contains(refused([](Checkpoints& c) { c.load(); }), "in the file, not in the program"));
  AdamW adam;
  Rng rng;
  CHECK(contains(refused([&](Checkpoints& c) { c.add("adam", adam).add("dice", rng).load(); }),
                 "there is dice.seed in the program, not in the file"));
  Best best;
  best.where = zeros({3});
  CHECK(contains(refused([&](Checkpoints& c) { c.add("best", best).load(); }),
                 "best.where is f32 [4, 2] in the file and f32 [3] in the program"));
}

TEST_CASE("no checkpoint is a beginning, no folder an error") {
  const Folder folder;
  std::filesystem::create_directory(folder / "run");
  const Ended r = run_child([&] {
    Training t(folder / "run");
    return int(t.checkpoints.load());
  });
  CHECK(r.code == 0);
  CHECK(r.err == folder / "run has no checkpoint yet: starting at step 0\n");
  Training t(folder / "none");
  CHECK(error_of([&] {
          t.checkpoints.load({"train.cpp", 5});
        }) == "train.cpp:5: load: cannot read " + folder / "none" + ": there is no such folder");
  CHECK_THROWS_WITH(t.checkpoints.add("rng", t.rng, {"train.cpp", 6}),
                    "train.cpp:6: add: there is a part \"rng\" already");
}
