#include <heed/core/version.h>
#include <heed/heed.h>
#include <heed/models/run/run.h>
#include <pty.h>
#include <unistd.h>
#include <cmath>
#include <csignal>
#include <limits>
#include "child.h"

using namespace heed;
using child::contains, child::Ended, child::ended, child::lines, child::no_options, child::run_child, child::start;
using files::error_of, files::Folder, files::read, files::write;

namespace {

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

TEST_CASE("what a former start was given is usual for options before it is known, too") {
  const Folder folder;
  const std::string info = folder / "run.json";
  static std::string place;
  place = info;
  const auto recalled = [](std::vector<const char*> arguments) {
    return called_with(std::move(arguments), [](Options& options) {
      const int64_t steps = options.integer("--steps", 400, "training steps", at_least(1));
      const std::string out = options.text("--out", "runs/dates", "folder of the run");
      const bool resume = options.flag("--resume", "goes on");
      if (resume) options.recall_all(place, {"--out", "--resume"});
      const double lr = options.number("--lr", 3e-3, "peak learning rate", between(0, 1));
      options.done();
      std::printf("%ld %s %d %g\n", long(steps), out.c_str(), resume, lr);
    });
  };
  write(info, R"([{"options": {"steps": 7, "lr": 0.5, "resume": false, "out": "elsewhere"}}])");
  CHECK(recalled({}).out == "400 runs/dates 0 0.003\n");
  CHECK(recalled({"--resume"}).out == "7 runs/dates 1 0.5\n");
  CHECK(recalled({"--resume", "--steps", "8", "--out", "x"}).out == "8 x 1 0.5\n");
  CHECK(recalled({"--resume", "--steps", "0"}).err == "train_dates: --steps 0: must be at least 1\n");
  CHECK(contains(recalled({"--resume", "--help"}).out, "--steps N [7]"));
  std::filesystem::remove(info);
  CHECK(recalled({"--resume"}).out == "400 runs/dates 1 0.003\n");
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

TEST_CASE("how a run was last started can be read again") {
  const Folder folder;
  const std::string run = folder / "run";
  static std::string place;
  place = run;
  const Ended r = called_with({"--text", "a.txt", "--lr", "0.5", "--resume"}, [](Options& options) {
    program(options);
    RunFolder(place, options);
  });
  CHECK(r.code == 0);
  const RunStart start = last_start(run);
  CHECK(start.program == "train_dates");
  CHECK(start.option("text") == "a.txt");
  CHECK(start.option("steps") == "400");
  CHECK(start.option("lr") == "0.5");
  CHECK(start.option("resume") == "true");
  CHECK_THROWS_WITH(start.option("heads", {"look.cpp", 3}),
                    "look.cpp:3: RunStart: train_dates was started without an option --heads");
  for (const char* broken : {"", "{}", "[]", "[1]", "[{}]", R"([{"program": "x", "options": 3}])"}) {
    write(run + "/run.json", broken);
    CHECK(error_of([&] {
            last_start(run, {"look.cpp", 4});
          }) == "look.cpp:4: last_start: cannot read " + run + "/run.json: it does not say how a program was started");
  }
  CHECK(error_of([&] {
          last_start(folder / "none", {"look.cpp", 5});
        }) == "look.cpp:5: last_start: cannot read " + folder / "none" +
                  "/run.json: there is no such file: no program has been started in that folder");
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
