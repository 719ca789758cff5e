// The gradients of every op, checked: a line per op, or the whole report of one.
#include <heed/core/text.h>
#include <heed/models/run/options.h>
#include <heed/tests/op_table.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
using namespace heed;

namespace {

struct Line {  // all rows of one op
  int rows = 0, failed = 0;
  GradcheckReport::Tally orders[2];
  double seconds = 0;
  std::string reports, failures;
};

void add(GradcheckReport::Tally& t, const GradcheckReport::Tally& more) {
  t.passed += more.passed + more.kinks;
  t.worst_error = std::max(t.worst_error, more.worst_error);
  t.certified_digits = std::min(t.certified_digits, more.certified_digits);
}

// Checks every row of an op.
Line check(const std::string& op) {
  Line line;
  for (const OpRow& row : op_table()) {
    if (row.name != op) continue;
    ++line.rows;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<GradcheckReport> reports = gradcheck_row(row);
    line.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    bool failed = false;
    for (const GradcheckReport& r : reports) {
      for (std::size_t i = 0; i < r.orders.size(); ++i) add(line.orders[i], r.orders[i]);
      failed = failed || !certified(r);
      (certified(r) ? line.reports : line.failures) += r.str() + "\n";
    }
    line.failed += failed;
  }
  return line;
}

void print_head() {
  std::printf("%-30s %4s   %13s   %13s\n%-30s %4s   %7s %5s   %7s %5s   %6s\n", "", "", "first order ", "second order",
              "op", "rows", "error", "digits", "error", "digits", "ms");
}
void print(const std::string& op, const Line& line) {
  std::printf("%-30s %4d", op.c_str(), line.rows);
  for (const GradcheckReport::Tally& t : line.orders)
    if (t.passed) std::printf("   %7.1e %5.1f", t.worst_error, t.certified_digits);
    else std::printf("   %7s %5s", "-", "-");
  std::printf("   %6.1f%s\n", 1e3 * line.seconds, line.failed ? "  FAILED" : "");
}

std::vector<std::string> op_names() {
  std::vector<std::string> r;
  for (const OpRow& row : op_table())
    if (std::find(r.begin(), r.end(), row.name) == r.end()) r.push_back(row.name);
  return r;
}

void gradcheck_ops(Options& options) {
  const std::vector<std::string> names = op_names();
  const std::string wanted = options.text("--op", "", "the full report of one op");
  options.done();
  if (!wanted.empty() && std::find(names.begin(), names.end(), wanted) == names.end())
    throw Error("there is no op " + wanted + ": did you mean " + nearest(wanted, names) + "?");

  int failed = 0, rows = 0;
  double seconds = 0;
  std::string failures;
  if (wanted.empty()) print_head();
  for (const std::string& op : names) {
    if (!wanted.empty() && op != wanted) continue;
    const Line line = check(op);
    if (!wanted.empty()) {
      std::fputs(line.reports.c_str(), stdout);
      print_head();
    }
    print(op, line);
    failed += line.failed;
    rows += line.rows;
    seconds += line.seconds;
    failures += line.failures;
  }
  std::printf("%d rows in %.1f s: %s\n", rows, seconds, failed ? "not all certified" : "all certified");
  if (failed)
    throw std::runtime_error(std::to_string(failed) + " of " + std::to_string(rows) + " rows failed\n\n" + failures);
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Checks the gradients of every op in float64, against extrapolated differences that bound "
               "their own error. Errors are relative to the largest gradient of the same input; digits "
               "are those certified in the worst case.",
       .example = "--op softmax"},
      gradcheck_ops);
}
