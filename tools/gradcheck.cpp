// The gradients of every op, checked: a line per op, or the whole report of one.
#include <heed/core/disk.h>
#include <heed/core/text.h>
#include <heed/models/draw/text.h>
#include <heed/models/run/run.h>
#include <heed/tests/op_table.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
using namespace heed;

namespace {

struct Tallies {  // of several checks
  GradcheckReport::Tally orders[2] = {};
  double seconds = 0;
  bool certified = true;

  void add(const Tallies& more) {
    for (int i : {0, 1}) {
      GradcheckReport::Tally& t = orders[i];
      const GradcheckReport::Tally& m = more.orders[i];
      t.passed += m.passed, t.kinks += m.kinks;
      t.worst_error = std::max(t.worst_error, m.worst_error);
      t.certified_digits = std::min(t.certified_digits, m.certified_digits);
    }
    seconds += more.seconds;
    certified = certified && more.certified;
  }
  bool checked(int i) const { return orders[i].passed + orders[i].kinks > 0; }
};
struct Line : Tallies {  // all rows of one op
  std::string op;
  int rows = 0, failed = 0;
  std::string reports, failures;
  std::vector<std::pair<const OpRow*, Tallies>> by_row;
};

// Checks every row of an op.
Line check(const std::string& op) {
  Line line;
  line.op = op;
  for (const OpRow& row : op_table()) {
    if (row.name != op) continue;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<GradcheckReport> reports = gradcheck_row(row);
    Tallies of_row{.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
    for (const GradcheckReport& r : reports) {
      Tallies one{.certified = certified(r)};
      std::copy(r.orders.begin(), r.orders.end(), one.orders);
      of_row.add(one);
      (one.certified ? line.reports : line.failures) += r.str() + "\n";
    }
    ++line.rows;
    line.failed += !of_row.certified;
    line.add(of_row);
    line.by_row.emplace_back(&row, of_row);
  }
  return line;
}

void print_head() {
  std::printf("%-30s %4s   %13s   %13s\n%-30s %4s   %7s %5s   %7s %5s   %6s\n", "", "", "first order ", "second order",
              "op", "rows", "error", "digits", "error", "digits", "ms");
}
void print(const Line& line) {
  std::printf("%-30s %4d", line.op.c_str(), line.rows);
  for (int i : {0, 1})
    if (line.checked(i)) std::printf("   %7.1e %5.1f", line.orders[i].worst_error, line.orders[i].certified_digits);
    else std::printf("   %7s %5s", "-", "-");
  std::printf("   %6.1f%s\n", 1e3 * line.seconds, line.failed ? "  FAILED" : "");
}

// ---- the page
std::string cells(const Tallies& t) {
  std::string s;
  char text[200];
  for (int i : {0, 1}) {
    const GradcheckReport::Tally& o = t.orders[i];
    if (t.checked(i))
      std::snprintf(text, sizeof text, "<td>%.1f<i style=\"width:%.0f%%\"></i><td>%.1e<td>%lld<td>%s",
                    o.certified_digits, 100 * o.certified_digits / 15, o.worst_error, static_cast<long long>(o.passed),
                    o.kinks ? std::to_string(o.kinks).c_str() : "");
    else std::snprintf(text, sizeof text, "<td><td><td><td>");
    s += text;
  }
  std::snprintf(text, sizeof text, "<td>%.1f", 1e3 * t.seconds);
  return s + text;
}

// What the checks of a row leave out.
std::string not_covered(const OpRow& row) {
  if (row.order == 0) return "nothing to differentiate";
  std::string s = row.order == 1 ? "second order" : "";
  for (double at : row.kinks) s += (s.empty() ? "" : ", ") + ("second order at " + text_of(at));
  return s;
}

std::string page(const std::vector<Line>& lines, const Line& all) {
  constexpr auto head = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>gradcheck</title><style>
:root{color-scheme:light dark;--ink:#1f2328;--page:#fff;--line:#d8dee4;--muted:#59636e;--bar:#1f5fbf;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--page:#0d1117;--line:#30363d;--muted:#919ba6;--bar:#6ea8fe;--bad:#ff8a80}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:76rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.2rem .5rem;border-bottom:1px solid var(--line);vertical-align:baseline}
th{font-weight:600;position:sticky;top:0;background:var(--page)}
td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}
td i{display:block;height:2px;background:var(--bar)}
tr.row td{color:var(--muted);font-size:13px}tr.row td:first-child{padding-left:1.5rem}
tr.bad td{color:var(--bad)}.muted{color:var(--muted)}code{font-size:13px}
</style>
)";
  constexpr auto columns = R"(<tr><th rowspan="2">op, its rows<th colspan="4">first order<th colspan="4">second order
<th rowspan="2">ms<th rowspan="2">not covered</tr>
<tr><th>digits<th>worst error<th>elements<th>kinks<th>digits<th>worst error<th>elements<th>kinks</tr>
)";
  char text[700];
  std::snprintf(text, sizeof text,
                "<h1>%s</h1><p>%d rows of %zu ops in %.1f s, every element compared in float64 with extrapolated "
                "differences that bound their own error. Worst error %.1e in first order, %.1e in second, of the "
                "largest gradient of the same input; at least %.1f and %.1f digits certified. <span class=\"muted\">%s"
                "</span></p>\n",
                all.failed ? "Not all gradients are certified" : "All gradients are certified", all.rows, lines.size(),
                all.seconds, all.orders[0].worst_error, all.orders[1].worst_error, all.orders[0].certified_digits,
                all.orders[1].certified_digits, machine().c_str());
  std::string s = head + std::string(text) + "<table><thead>" + columns + "</thead>\n";
  for (const Line& line : lines) {
    const std::string op = "<code>" + draw::escape(line.op) + "</code>";
    s += "<tbody><tr" + std::string(line.failed ? " class=\"bad\"" : "") + "><td><b>" + op + "</b>" + cells(line) +
         "<td></tr>\n";
    for (const auto& [row, tallies] : line.by_row) {
      std::string shapes;
      for (const OpInput& x : row->inputs) shapes += " " + x.shape.str();
      s += "<tr class=\"row" + std::string(tallies.certified ? "" : " bad") + "\"><td>" +
           draw::escape(row->form + (row->form.empty() ? "" : ",") + shapes) + cells(tallies) + "<td>" +
           draw::escape(not_covered(*row)) + "</tr>\n";
    }
    s += "</tbody>\n";
  }
  return s + "</table></html>\n";
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
  const std::string html = options.text("--html", "", "a page to write: op by op, row by row, and what is not covered");
  options.done();
  if (!wanted.empty() && std::find(names.begin(), names.end(), wanted) == names.end())
    throw Error("there is no op " + wanted + ": did you mean " + nearest(wanted, names) + "?");

  std::vector<Line> lines;
  Line all;
  if (wanted.empty()) print_head();
  for (const std::string& op : names) {
    if (!wanted.empty() && op != wanted) continue;
    const Line line = check(op);
    if (!wanted.empty()) {
      std::fputs(line.reports.c_str(), stdout);
      print_head();
    }
    print(line);
    all.add(line);
    all.rows += line.rows;
    all.failed += line.failed;
    all.failures += line.failures;
    lines.push_back(line);
  }
  std::printf("%d rows in %.1f s: %s\n", all.rows, all.seconds, all.failed ? "not all certified" : "all certified");
  if (!html.empty()) {
    NewFile file({"gradcheck", html, {}});
    file.write(page(lines, all));
    file.commit();
    std::printf("wrote %s\n", html.c_str());
  }
  if (all.failed)
    throw std::runtime_error(std::to_string(all.failed) + " of " + std::to_string(all.rows) + " rows failed\n\n" +
                             all.failures);
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
