#include <heed/heed.h>
#include <heed/models/run/run.h>
#include <sys/resource.h>
#include <csignal>
#include <limits>
#include <set>
#include <thread>
#include "child.h"

using namespace heed;
using child::contains, child::Ended, child::ended, child::no_options, child::run_child, child::start;
using files::error_of, files::Folder, files::read, files::write;

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

TEST_CASE("a history keeps the models after 0, 10, 20, 50, 100, .. steps, but for a future that was given up") {
  const Folder folder;
  const std::string run = folder / "run";
  Training t(run);
  const auto steps = [&] {
    std::vector<int64_t> r;
    for (const SavedModel& m : saved_models(run)) {
      Mlp model = new_model(9);
      load(m.file, model);
      CHECK(model.up.bias(0).item() == double(m.step));
      r.push_back(m.step);
    }
    return r;
  };
  for (int64_t step = 0; step <= 2100; ++step) {
    assign(t.model.up.bias, full({5}, double(step)));
    t.checkpoints.keep_history(step);
  }
  t.checkpoints.save(2100);
  CHECK(steps() == std::vector<int64_t>{0, 10, 20, 50, 100, 200, 500, 1000, 2000, 2100});
  assign(t.model.up.bias, full({5}, 150));
  t.checkpoints.save(150);
  CHECK(steps() == std::vector<int64_t>{0, 10, 20, 50, 100, 150});
  t.checkpoints.keep_history(200);
  t.checkpoints.save(200);  // the same model twice
  CHECK(saved_models(run).back().file == run + "/checkpoint-000200/model.safetensors");

  write(folder / "file", "");
  CHECK(error_of([&] {
          saved_models(folder / "none", {"look.cpp", 3});
        }) == "look.cpp:3: saved_models: cannot read " + folder / "none" + ": there is no such folder");
  CHECK(error_of([&] {
          saved_models(folder.path, {"look.cpp", 4});
        }) == "look.cpp:4: saved_models: cannot read " + folder.path.string() + ": there is no checkpoint in it");
  CHECK(error_of([&] {
          Checkpoints(folder / "file", t.model).keep_history(10, {}, {"train.cpp", 5});
        }) ==
        "train.cpp:5: keep_history: cannot write " + folder / "file" + "/history/000010.safetensors: Not a directory");
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
