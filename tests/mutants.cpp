// Which mutants do the checks of the table of ops kill, and the tests linked with them? First every check runs as it
// is, which shows how long it takes and which mutants it passes; then each mutant is given to the checks that pass it,
// the quickest first.
//
//   mutants NUMBERS [--seconds 20]      NUMBERS: a file of the mutants to try
//
// Writes a line for each: its number, killed, survived or unreached, the processor time, and what killed it. A mutant
// is killed by something that is not right, an exception, a crash, a write beside a block of memory, or ten times the
// time that the check takes without it.
#include <heed/core/parallel.h>
#include <heed/core/storage.h>
#include <heed/tests/op_checks.h>
#include <heed/tools/mutants/mutant.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <new>
#include <thread>

namespace heed::mutants {
int alive = 0;
unsigned char* reached = nullptr;
}  // namespace heed::mutants

// ---- memory: each block lies between two fences, and the linker puts these functions in the place of the pool's
namespace {

constexpr std::size_t fence = 64;
constexpr std::byte mark{0xa5};

void* take_fenced(std::size_t bytes) {
  const std::size_t whole = (bytes + fence - 1) / fence * fence;
  auto* p = static_cast<std::byte*>(std::aligned_alloc(fence, fence + whole + fence));
  if (!p) throw std::bad_alloc();
  std::fill_n(p, fence, mark);
  std::fill(p + fence + bytes, p + fence + whole + fence, mark);
  return p + fence;
}
void give_fenced(void* block, std::size_t bytes) noexcept {
  auto* const p = static_cast<std::byte*>(block);
  const auto untouched = [](std::byte b) { return b == mark; };
  const std::size_t whole = (bytes + fence - 1) / fence * fence;
  if (!std::all_of(p - fence, p, untouched) || !std::all_of(p + bytes, p + whole + fence, untouched)) _exit(1);
  std::free(p - fence);
}

}  // namespace

extern "C" {
void* __wrap__ZN4heed10take_blockEm(std::size_t bytes) { return take_fenced(bytes); }
void __wrap__ZN4heed10give_blockEPvm(void* block, std::size_t bytes) { give_fenced(block, bytes); }
heed::Storage* __wrap__ZN4heed12make_storageEm(std::size_t bytes) {
  return heed::adopt_storage(static_cast<std::byte*>(take_fenced(bytes)), bytes,
                             [](heed::Storage* s) { give_fenced(s->data, s->bytes); });
}
}

namespace {

using namespace heed;

[[noreturn]] void die(const std::string& what) {
  if (mutants::alive < 0) std::fprintf(stderr, "%s\n", what.c_str());
  _exit(1);
}

struct Unit {  // one check of one row, or the tests of one file
  std::string title;
  std::function<void()> check;
  bool of_file = false;
  double seconds = 0;              // without a mutant
  std::vector<bool> reached = {};  // by number of the mutant
};

double limit_now = 0;
void limit(double seconds) {  // of processor time from now on, and of waiting
  limit_now = seconds;
  const auto whole = static_cast<long>(seconds);
  const itimerval timer{{}, {whole, static_cast<long>(1e6 * (seconds - double(whole)))}};
  setitimer(ITIMER_PROF, &timer, nullptr);
  alarm(60 + 10 * static_cast<unsigned>(seconds));
}

// Those of one of the files of tests that are linked, by the tag that --filenames-as-tags gives it: in a process of its
// own, as Catch2 runs but once in each.
void run_tests(const std::string& file) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (limit_now > 0) limit(limit_now);
    const std::string tag = "[#" + file + "]";
    const char* arguments[] = {"mutants", "--filenames-as-tags", "--abort", "--out", "/dev/null", tag.c_str()};
    _exit(Catch::Session().run(6, arguments) != 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) die("a test fails");
}

struct Shared {  // what is known of a child process
  std::size_t unit;
  double seconds;  // of processor time
  unsigned char reached[1 << 17];
};

void run(const Unit& unit) {
  try {
    unit.check();
  } catch (const std::exception& e) {
    die(e.what());
  }
}

// Runs child(job, shared) for each job in a process of its own, as many at a time as there are processors, and then
// done(job, shared, whether the child came to its end).
void in_children(std::size_t jobs, const std::function<void(std::size_t, Shared&)>& child,
                 const std::function<void(std::size_t, Shared&, bool)>& done) {
  struct Place {
    pid_t child = 0;
    std::size_t job = 0;
  };
  std::vector<Place> places(std::max(1u, std::thread::hardware_concurrency()));
  auto* shared = static_cast<Shared*>(
      mmap(nullptr, places.size() * sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const bool terminal = isatty(STDERR_FILENO);
  std::size_t next = 0, ended = 0;
  while (ended < jobs) {
    for (std::size_t i = 0; i < places.size() && next < jobs; ++i) {
      if (places[i].child) continue;
      shared[i] = {};
      places[i].job = next++;
      places[i].child = fork();
      if (places[i].child == 0) {
        child(places[i].job, shared[i]);
        _exit(0);
      }
    }
    int status = 0;
    rusage used{};
    const pid_t pid = wait4(-1, &status, 0, &used);
    for (std::size_t i = 0; i < places.size(); ++i)
      if (places[i].child == pid) {
        places[i].child = 0;
        shared[i].seconds = double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                            1e-6 * double(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
        done(places[i].job, shared[i], WIFEXITED(status) && WEXITSTATUS(status) == 0);
      }
    if (++ended == jobs || terminal || ended % 500 == 0)
      std::fprintf(stderr, "%s%zu of %zu%s", terminal ? "\r" : "", ended, jobs, terminal && ended < jobs ? "" : "\n");
  }
  munmap(shared, places.size() * sizeof(Shared));
}

std::vector<int> numbers(const char* path) {
  std::ifstream file(path);
  std::vector<int> r;
  for (int n; file >> n;) r.push_back(n);
  return r;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && !(argc == 4 && std::string(argv[2]) == "--seconds")) {
    std::fputs("usage: mutants NUMBERS [--seconds 20]\n", stderr);
    return 2;
  }
  const std::vector<int> mutants = numbers(argv[1]);
  const double most = argc == 4 ? std::atof(argv[3]) : 20;  // seconds for one mutant
  const rlimit memory{rlim_t{8} << 30, rlim_t{8} << 30}, no_core{0, 0};
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &no_core);
  mallopt(M_PERTURB, 0x100);  // fresh memory is full of NaN

  std::vector<Unit> units;
  for (const OpRow& row : op_table())
    for (const OpCheck& check : op_checks())
      units.push_back(
          {row.title() + ": " + check.claim, [&] { check.run(row, [](const std::string& what) { die(what); }); }});
  for (const char* file : {HEED_MUTANT_TESTS})
    units.push_back({std::string("tests: ") + file, [file] { run_tests(file); }, true});
  int failed = 0;
  in_children(
      units.size(),
      [&](std::size_t job, Shared& shared) {
        mutants::alive = -1;
        mutants::reached = shared.reached;
        set_num_threads(1);
        run(units[job]);
      },
      [&](std::size_t job, Shared& shared, bool right) {
        units[job].seconds = shared.seconds;
        units[job].reached.assign(shared.reached, shared.reached + sizeof shared.reached);
        if (!right) ++failed, std::fprintf(stderr, "fails without a mutant: %s\n", units[job].title.c_str());
      });
  if (failed) return 1;
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) { return a.seconds < b.seconds; });

  std::vector<std::size_t> killers;  // of the mutants just before, which lie nearby: tried first
  auto passed =
      [&](int mutant) {  // as many as there is time for, and the tests of files, made for what the table lacks
        std::vector<std::size_t> order = killers, r;
        std::sort(order.begin(), order.end());
        for (std::size_t i = 0; i < units.size(); ++i)
          if (std::find(killers.begin(), killers.end(), i) == killers.end()) order.push_back(i);
        double total = 0;
        for (std::size_t i : order)
          if (units[i].reached[std::size_t(mutant)] && ((total += units[i].seconds) <= most || units[i].of_file))
            r.push_back(i);
        return r;
      };
  in_children(
      mutants.size(),
      [&](std::size_t job, Shared& shared) {
        mutants::alive = mutants[job];
        for (std::FILE* f : {stdout, stderr}) f = std::freopen("/dev/null", "w", f);  // OpenBLAS and malloc talk
        set_num_threads(1);
        for (std::size_t u : passed(mutants[job])) {
          shared.unit = u;
          limit(2 + 10 * units[u].seconds);
          run(units[u]);
        }
      },
      [&](std::size_t job, Shared& shared, bool right) {
        const auto m = std::size_t(mutants[job]);
        const bool reached = std::any_of(units.begin(), units.end(), [m](const Unit& u) { return u.reached[m]; });
        const char* verdict = !right ? "killed" : reached ? "survived" : "unreached";
        std::printf("%d %s %.2f %s\n", mutants[job], verdict, shared.seconds,
                    right ? "" : units[shared.unit].title.c_str());
        std::fflush(stdout);
        if (!right) {
          std::erase(killers, shared.unit);
          killers.insert(killers.begin(), shared.unit);
          if (killers.size() > 12) killers.pop_back();
        }
      });
}
