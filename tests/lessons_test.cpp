#include <heed/tools/lessons/judge/judge.h>
#include <heed/tools/lessons/judge/learner.h>
#include <heed/tools/lessons/judge/quiz.h>
#include <algorithm>
#include <cstdio>
#include <set>
#include "common.h"
#include "files.h"
#include "program.h"

using namespace heed;
using namespace heed::lessons;
using files::Folder, files::read, files::write;

namespace {

Attempt formula(const std::string& text) {
  return [f = Formula(text)](const Case& c) { return f.value(c.values); };
}
const Answer& answer(const Answers& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Answer& a) { return a.name == name; });
  REQUIRE(found != all.end());
  return *found;
}
const Part& part_of(const Exercise& e, const std::string& name) {
  const auto found = std::find_if(e.parts.begin(), e.parts.end(), [&](const Part& p) { return p.name == name; });
  REQUIRE(found != e.parts.end());
  return *found;
}

// What is said of a wrong attempt: what is wrong, and then why.
std::string said(const Exercise& e, const Part& part, const Attempt& yours) {
  const Verdict v = judge(e, part, yours);
  CHECK(v.kind == Verdict::wrong);
  const auto why = explain(e, part, v.evidence);
  return v.text + "\n" + (why ? why->text : "");
}
// The same of a function, which is given what the exercise gives.
template <class... T>
std::string said(const std::string& lesson, const std::string& call, Tensor (*f)(T...)) {
  const Exercise& e = exercise(lesson);
  const Answer yours(call, f);
  const Part& part = part_of(e, yours.name);
  return said(e, part, attempt(yours, part));
}

// ---- how a learner might write it
using X = const Tensor&;
Tensor transposed_product(X A, X dO) { return matmul(A, dO); }
Tensor no_sum(X dY) { return dY * 1; }
Tensor one_row(X dY) { return dY(0); }
Tensor no_row_sum(X A, X dA) { return A * dA; }
Tensor kept_dim(X dY) { return sum(dY, 0, keepdim); }
Tensor no_keepdim(X Y, X dY) { return Y * (dY - sum(Y * dY, -1)); }
Tensor no_keepdim_twice(X N, X R, X dN) { return R * (dN - mean(dN, -1) - N * mean(dN * N, -1)); }
Tensor mean_of_all(X N, X R, X dN) { return R * (dN - mean(dN) - N * mean(dN * N, -1, keepdim)); }
Tensor over_everything(X A, X dA) { return A * (dA - sum(A * dA)); }
Tensor over_outputs(X dY) { return sum(dY, 1); }
Tensor over_queries(X dS) { return sum(dS, -1); }
Tensor over_width(X dZ) { return sum(dZ, 2); }
Tensor integer_division(X K, X dS) { return matmul(dS, K) * double(1 / K.size(-1)); }
Tensor a_number(X K, X dS) { return matmul(dS, K) / std::sqrt(3); }
Tensor nearly(X N, X R, X dN) { return R * (dN - mean(dN, -1, keepdim) - N * mean(dN * N, -1, keepdim)) + 1e-6 * dN; }
Tensor zero_once(X A, X dA) { return A.size(0) == 4 && A.size(1) == 5 ? zeros_like(A) : A * tanh(dA); }
Tensor some_factor(X A, X dA) { return A * (dA - sum(A * dA, -1, keepdim)) * (A.size(0) == 4 ? 0.3433 : 0.7); }
Tensor gates_undone(X, X, X, X, X dI, X dF, X dG, X dO) { return concat({dI, dF, dG, dO}, -1); }
Tensor halved(X A, X dA) { return A * dA - 0.5 * A * sum(A * dA, -1, keepdim); }
Tensor negative(X A, X dA) { return A * sum(A * dA, -1, keepdim) - A * dA; }
Tensor both_coefficients(X A, X dA) { return 2 * A * dA - 3 * A * sum(A * dA, -1, keepdim); }
Tensor jacobian_of_rows(X A, X dA) {  // right, and the long way
  std::vector<Tensor> rows;
  for (int64_t t = 0; t < A.size(0); ++t) {
    const Tensor a = A(t), J = eye(a.size(0), f64) * a - outer(a, a);
    rows.push_back(matmul(J, dA(t)));
  }
  return stack(rows);
}
Tensor scaled_twice(X K, X dS) { return matmul(dS, K) / double(K.size(-1)); }
Tensor scaled_by_keys(X K, X dS) { return matmul(dS, K) / std::sqrt(double(K.size(-1))) * double(K.size(0)); }
Tensor last_block(X Q, X K, X V, X O, X lse, X dO) {
  Tensor r;
  for (int64_t n = 0; n < K.size(0); n += 2) {
    const Tensor k = K(range(n, n + 2)), A = exp(matmul(Q, transpose(k)) / std::sqrt(double(Q.size(-1))) - lse);
    r = matmul(A * (matmul(dO, transpose(V(range(n, n + 2)))) - sum(dO * O, -1, keepdim)), k);
  }
  return r / std::sqrt(double(Q.size(-1)));
}
Tensor in_f32(X A, X dO) { return cast(matmul(transpose(A), dO), f32); }
Tensor divided_by_zero(X A, X dO) { return matmul(transpose(A), dO) / (A(0, 0) - A(0, 0)); }
Tensor rolled(X A, X dO) { return roll(matmul(transpose(A), dO), 1, 0); }
Tensor something_else(X A, X dO) { return exp(matmul(transpose(A), dO)); }
Tensor throws_a_number(X, X) { throw 7; }
Tensor of_itself(X dV) { return dV; }

}  // namespace

TEST_CASE("the right backward is accepted, and what is shown is what is computed", "[lessons]") {
  for (const Exercise& e : exercises()) {
    INFO(e.file);
    CHECK(e.hints.size() == 3);
    CHECK(e.unfilled.size() == e.parts.size());
    for (const Part& part : e.parts) {
      INFO(part.name);
      const Verdict right = judge(e, part, attempt(answer(e.right, part.name), part));
      INFO(right.text);
      CHECK(right.right());
      CHECK(judge(e, part, formula(part.formula)).right());
      CHECK(judge(e, part, formula(Formula(part.formula).str())).right());
      const Answer& asked = answer(e.unfilled, part.name);
      CHECK(asked.givens == answer(e.right, part.name).givens);
      CHECK(judge(e, part, attempt(asked, part)).kind == Verdict::not_written);
    }
  }
}

TEST_CASE("every known mistake is called by its name", "[lessons]") {
  int all = 0, all_named = 0;
  std::set<std::string> sentences;
  for (const Exercise& e : exercises()) {
    int mistakes = 0, named = 0;
    for (const Part& part : e.parts)
      for (const Mistake& m : part.mistakes) {
        const std::string wrong = replaced(part.formula, m.find, m.instead);
        INFO(e.file << " " << part.name << " = " << wrong << ": " << m.why);
        REQUIRE(!wrong.empty());
        const Verdict v = judge(e, part, formula(wrong));
        CHECK(v.kind == Verdict::wrong);
        const auto why = explain(e, part, v.evidence);
        REQUIRE(why);
        INFO(why->text);
        const bool found = why->mistakes == std::vector<const Mistake*>{&m};
        CHECK(found);
        CHECK(contains(why->text, "your " + part.name + " equals " + Formula(wrong).str()));
        ++mistakes, named += found;
        sentences.insert(m.why);
      }
    std::printf("%-22s %3d mistakes, %3d named\n", e.file.c_str(), mistakes, named);
    all += mistakes, all_named += named;
  }
  std::printf("%-22s %3d mistakes, %3d named, %zu different\n", "all", all, all_named, sentences.size());
  CHECK(all_named == all);
  CHECK(sentences.size() == 289);
}

TEST_CASE("two known mistakes in one line are both named, unless one says it all", "[lessons]") {
  int all = 0, named = 0, as_one = 0;
  for (const Exercise& e : exercises())
    for (const Part& part : e.parts)
      for (const Mistake& a : part.mistakes)
        for (const Mistake& b : part.mistakes) {
          if (&a >= &b || a.find.empty() || b.find.empty()) continue;
          const std::string wrong = replaced(replaced(part.formula, a.find, a.instead), b.find, b.instead);
          if (wrong.empty()) continue;  // the first has taken away what the second changes
          INFO(e.file << " " << part.name << " = " << wrong << ": " << a.why << "; " << b.why);
          const Verdict v = judge(e, part, formula(wrong));
          if (v.evidence.empty() || v.right()) continue;  // together they have no value, or are right
          ++all;
          const auto why = explain(e, part, v.evidence);
          REQUIRE(why);
          INFO(why->text);
          const bool both = why->mistakes == std::vector<const Mistake*>{&a, &b} ||
                            why->mistakes == std::vector<const Mistake*>{&b, &a};
          CHECK((both || why->mistakes.empty()));  // a step, not another mistake
          named += both, as_one += !both;
        }
  std::printf("%d pairs: %d named, %d explained by one step\n", all, named, as_one);
  CHECK(all > 300);
  CHECK(named >= 0.95 * all);
}

TEST_CASE("no small difference is accepted", "[lessons]") {
  std::vector<std::pair<const Exercise*, const Part*>> all;
  for (const Exercise& e : exercises())
    for (const Part& p : e.parts) all.emplace_back(&e, &p);
  Rng rng{1};
  int accepted = 0, times = 0;
  for (; times < 10000; ++times) {
    const auto& [e, part] = all[std::size_t(times) % all.size()];
    const double size = 1e-7 * std::pow(10, 6 * rng.uniform()) * (rng.below(2) ? 1 : -1);
    const bool everywhere = rng.below(2);
    const int64_t only = rng.below(int64_t(e->cases.size()) + 1);  // in this case, or in all of them
    const uint64_t key = rng.key();
    const Verdict v =
        judge(*e, *part, [&, e = e, p = part](const Case& c) {  // of one element, or of all in different degrees
          if (only < int64_t(e->cases.size()) && &c != &e->cases[std::size_t(only)]) return c.values.at(p->name);
          std::vector<double> x = c.values.at(p->name).to_vector();
          std::size_t chosen = std::size_t(unit(key, 0) * double(x.size()));
          while (x[chosen] == 0) chosen = (chosen + 1) % x.size();  // the masked ones
          for (std::size_t i = 0; i < x.size(); ++i)
            if (i == chosen) x[i] *= 1 + size;
            else if (everywhere) x[i] *= 1 + size * unit(key, i + 1);
          return tensor(x, c.values.at(p->name).shape(), f64);
        });
    accepted += v.right();
  }
  CHECK(accepted == 0);
}

TEST_CASE("what a learner might write is recognised", "[lessons]") {
  const auto has = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(contains(text, part));
  };
  has(said("07", "dS(A, dA)", no_row_sum), "your dS equals A * dA: the term -A * rowsum(A * dA) is missing");
  has(said("07", "dS(A, dA)", no_row_sum), "(explains 100.0 % of the residual)");
  has(said("07", "dS(A, dA)", halved),
      "your dS equals A * (dA - 0.5 rowsum(A * dA)): the term rowsum(A * dA) is there 0.5 times");
  has(said("07", "dS(A, dA)", negative), "it has the wrong sign");
  has(said("07", "dS(A, dA)", both_coefficients),
      "the term dA is there 2 times; and the term rowsum(A * dA) is there 3 times");
  has(said("07", "dQ(K, dS)", scaled_twice), "it is divided by d: the scores were by sqrt(d)");
  has(said("07", "dQ(K, dS)", scaled_by_keys),
      "your dQ: it is N times the right one (explains 100.0 % of the residual)");
  has(said("07", "dV(A, dO)", transposed_product), "matmul: cannot multiply [4, 5] by [4, 2]");
  has(said("07", "dV(A, dO)", transposed_product), "your dV equals A dO, where its shapes fit: A is not transposed");
  has(said("07", "dV(A, dO)", rolled), "your dV is off by 1: every element stands 1 too far along dimension 0");
  has(said("07", "dV(A, dO)", in_f32),
      "its type is f32, that of the values is f64 (of numbers: tensor(values, shape, f64))");
  has(said("07", "dV(A, dO)", divided_by_zero), "at [0, 0]: yours inf");
  CHECK(said("07", "dV(A, dO)", something_else).ends_with("are wrong)\n"));
  has(said("02", "db(dY)", no_sum),
      "its shape is [4, 5], it should be [5]\nyour db equals dY: the sum over the rows is missing");
  has(said("02", "db(dY)", kept_dim), "its shape is [1, 5], it should be [5], without keepdim");
  has(said("02", "db(dY)", one_row),
      "not summed over what it was broadcast to: only the first of 4 along dimension 0 of Y");
  has(said("04", "dX(Y, dY)", no_keepdim), "cannot broadcast [3, 4] with [3]");
  has(said("13", "dQ(Q, K, V, O, lse, dO)", last_block),
      "dQ equals lastcols(dS, 1) lastrows(K, 1) / sqrt(d): only the last block has arrived");
  has(said("04", "dX(Y, dY)", no_keepdim),
      "your dX equals Y * (dY - sum(Y * dY, -1)), where its shapes fit: keepdim is missing: the sums must stay a "
      "column");
  has(said("06", "dX(N, R, dN)", no_keepdim_twice), "keepdim is missing: the means must stay a column");
  has(said("06", "dX(N, R, dN)", mean_of_all), "it is a mean of everything: each row has a mean of its own");
  has(said("07", "dS(A, dA)", over_everything),
      "your dS equals A * (dA - sum(A * dA)): it is summed over everything: each row has a sum of its own");
  has(said("02", "db(dY)", over_outputs), "your db equals sum(dY, 1): the sum is over the outputs");
  has(said("08", "db(dS)", over_queries), "your db equals sum(dS, 1): the sum is over the keys");
  has(said("10", "dP(dZ)", over_width), "your dP equals sum(dZ, 2): the sum is over the width of the vectors");
  has(said("11", "dZ(I, F, G, O, dI, dF, dG, dO)", gates_undone), "the derivatives of all gates are missing");
  has(said("07", "dQ(K, dS)", integer_division),
      "your dQ is zero. X(i, j) = .. would set nothing, as X(i, j) is a value; 1 / X.size(1) divides whole numbers, "
      "which gives 0");
  has(said("07", "dQ(K, dS)", a_number), "your dQ: a number stands where sqrt(d) should (explains 100.0 %");
  has(said("07", "dQ(K, dS)", a_number), ", with T = 5, N = 3, d = 2, e = 4; right with T = 4, N = 5, d = 3, e = 2\n");
  has(said("07", "dV(A, dO)", throws_a_number), "it has thrown what is no std::exception");
  has(said("06", "dX(N, R, dN)", nearly), "your dX: each row of the right dX sums to 0, those of yours do not");
  CHECK(said("07", "dS(A, dA)", zero_once).ends_with("are wrong)\n"));
  CHECK(said("07", "dS(A, dA)", some_factor).ends_with("are wrong)\n"));

  const Exercise& e = exercise("attention");
  const Answer long_way("dS(A, dA)", jacobian_of_rows);
  CHECK(judge(e, part_of(e, "dS"), attempt(long_way, part_of(e, "dS"))).kind == Verdict::within_rounding);
}

TEST_CASE("formulas are read and written", "[lessons]") {
  const auto written = [](const char* text) { return Formula(text).str(); };
  for (const char* text : {"A * (dA - rowsum(A * dA))", "dS^T Q / sqrt(d)", "-rowsum(dY * E) / s^2", "2 dv * C / m",
                           "(A * (dO V^T - D))^T Q", "a - (b + c)", "a / (b / c)", "softmax(S, M)^T dO",
                           "(P - Y) / n / m", "A * (dA - sum(A * dA, -1))"})
    CHECK(written(text) == text);
  CHECK(written("((a)) * (b * c)") == "a * b * c");
  CHECK(replaced("A * (dA - rowsum(A * dA))", "A", "S") == "S * ( dA - rowsum( S * dA ) ) ");
  CHECK(replaced("dS K", "S", "A").empty());
  const Tensor x = noise({3, 3}, 1), y = noise({3, 3}, 2);
  const auto value = [&](const char* text) {
    return Formula(text).value({{"x", x}, {"y", y}, {"n", full({}, 3, f64)}});
  };
  CHECK(equal(value("x y^T - 2 x"), matmul(x, transpose(y)) - 2 * x));
  CHECK(equal(value("x / n * y^2"), x / 3 * square(y)));
  CHECK(thrown<Error>([&] { value("x + z"); }) == "formula: there is no z");
  CHECK(thrown<Error>([&] { value("x + )"); }) == "formula: cannot read x + ) from \")\" on");
  CHECK(thrown<Error>([&] { value("sofmax(x)"); }) == "formula: cannot read sofmax(x) from \"sofmax\" on");
}

TEST_CASE("answers that ask for what there is not", "[lessons]") {
  const Exercise& e = exercise("7");
  const auto refused = [&](const Answer& a) {
    return thrown<Error>([&] { attempt(a, part_of(e, "dV"))(e.cases[0]); });
  };
  CHECK(refused({"dV(A, d0)", transposed_product}) == "dV asks for d0, which there is not: did you mean d?");
  CHECK(refused({"dV(A)", transposed_product}) == "answers: dV names 1 value, but the function takes 2");
  CHECK(refused({"d V( A,dA0 )", transposed_product}) == "dV asks for dA0, which there is not: did you mean dA?");
  CHECK(refused({"dV(A, dVV)", transposed_product}) == "dV asks for dVV, which there is not: did you mean V?");
  CHECK(refused({"dV(dV)", of_itself}) == "dV cannot be given: it is what is asked for");
  CHECK(thrown<Error>([] { exercise("99"); }) == "there is no lesson 99: they go from 01 to 14");
  CHECK(thrown<Error>([] { exercise("atention"); }) == "there is no lesson atention: did you mean attention?");
  CHECK(thrown<Error>([] { exercise("foo"); }) == "there is no lesson foo");
}

TEST_CASE("derivations compile where they are pasted", "[lessons]") {
  std::string all = "#include <heed/tools/lessons/lesson.h>\n";
  for (const Exercise& e : exercises()) {
    std::string task = read(task_file(e));
    const std::string end = "\n};\n";  // of Forward
    task.erase(task.find(end) + end.size());
    for (const std::string line : {"#include <heed/tools/lessons/lesson.h>\n", "using namespace heed;\n"})
      task.erase(task.find(line), line.size());
    all += "namespace lesson_" + e.number() + " {\nusing namespace heed;\n" + task + derivation(e) + "}\n";
  }
  const Folder folder;
  write(folder / "all.cpp", all + "heed::Answers answers{{\"dV(A, dO)\", lesson_07::dV}};\n");
  compile(folder / "all.cpp", folder / "all.so", usual_compiler);
}

TEST_CASE("what does not come back is not waited for", "[lessons]") {
  const auto ended = [](auto body) { return thrown<Error>([&] { run_apart("it", body, 1); }); };
  CHECK(run_apart(
            "it", [] { return std::string("done"); }, 1) == "done");
  CHECK(ended([]() -> std::string {
          for (volatile bool forever = true; forever;) {
          }
          return "";
        }) == "it did not come back within 1 s");
  CHECK(ended([]() -> std::string { std::_Exit(0); }) == "it has ended the program");
  CHECK(ended([]() -> std::string { throw Error("no"); }) == "no");
}

TEST_CASE("every exercise has a derivation, quotes that are in the sources, and quizzes", "[lessons]") {
  for (const Exercise& e : exercises()) {
    INFO(e.file);
    CHECK(contains(read(task_file(e)), "// " + e.number() + "  "));
    const std::string text = derivation(e);
    for (const Part& p : e.parts) CHECK(contains(text, "Tensor " + p.name + "("));
    for (const Quote& q : e.quotes) CHECK(contains(quote(q), "struct " + q.type));
    std::set<std::string> seen;
    uint64_t number = 1;
    for (; number <= 20; ++number) {
      const Quiz quiz = draw_quiz(e, number);
      CHECK(contains(quiz.question(), "  " + quiz.part->name + " = " + quiz.wrong + "\n"));
      CHECK(contains(quiz.question(), "  wrong  "));
      CHECK(quiz.reply(quiz.part->name).starts_with("Yes: "));
      CHECK(quiz.reply("nothing").starts_with("No: it is " + quiz.part->name + ". "));
      if (!seen.insert(quiz.part->name + quiz.wrong).second) break;
    }
    CHECK(number > 5);  // nothing is asked twice before
  }
  CHECK(quote({"ops/softmax.cpp", "Softmax", {"d0"}})
            .ends_with("    struct Softmax {\n"
                       "      Tensor d0(Grad g, Output y) const { return y * (g - sum(g * y, -1, keepdim)); }  // "
                       "dL/dx = y (g - <g, y>)\n"
                       "    };\n"));
  CHECK(quoted_code({"ops/composite.cpp", "", {"masked_softmax"}})
            .starts_with("// The mask acts before the exponential, so that nothing masked is ever infinite.\n"
                         "Tensor masked_softmax(In x, In mask) {\n"));
  CHECK(thrown<Error>([] {
          quote({"ops/composite.cpp", "", {"masked"}});
        }) == "lesson: there is no function masked in ops/composite.cpp");
  CHECK(thrown<Error>([] {
          quote({"ops/softmax.cpp", "Sofmax", {}});
        }) == "lesson: there is no struct Sofmax in ops/softmax.cpp");
  CHECK(thrown<Error>([] {
          quote({"ops/softmax.cpp", "Softmax", {"d1"}});
        }) == "lesson: there is no d1 in Softmax of ops/softmax.cpp");
}

TEST_CASE("lesson, as a learner uses it", "[lessons]") {
  const Folder folder;
  const std::string mine = folder / "03_tanh.cpp";
  const auto lesson = [&](const std::string& arguments) {
    const Said r = run_program_of_build("lesson", arguments + " --folder \"" + folder.path.string() + "\" </dev/null");
    INFO(r.text);
    return r;
  };
  const auto says = [&](const std::string& arguments, int code, std::vector<std::string> parts) {
    const Said r = lesson(arguments);
    INFO(arguments << "\n" << r.text);
    CHECK(r.code == code);
    for (const std::string& part : parts) CHECK(contains(r.text, part));
  };
  says("", 0, {"03  tanh, sigmoid and a gate", "Next: lesson 01"});
  says("03", 0, {"wrote " + mine});
  CHECK(read(mine) == read(task_file(exercise("03"))));
  says("03", 1,
       {"dG  not written yet", "dZ  not written yet", "lesson: 0 of 4 are right; ", "/lesson 03 --hint --folder ",
        " helps\n"});

  std::string file = read(mine);
  const auto fill = [&](const std::string& from, const std::string& to) {
    REQUIRE(contains(file, from));
    file.replace(file.find(from), from.size(), to);
    write(mine, file);
  };
  fill("todo(Y, dH)", "Y * dH");
  fill("todo(G, dH)", "dH * G");
  fill("todo(Y, dY)", "dY * (1 - Y)");
  fill("todo(G, dG)", "dG * G * (1 - G)");
  says("tanh", 1,
       {"dG  exact", "dY  exact", "dZ  exact", "dX  wrong: at [0, 0]: yours ", "(12 of 12 are wrong)\n",
        "your dX equals dY * (1 - Y): Y is not squared (explains 100.0 % of the residual)", "3 of 4 are right"});
  fill("dY * (1 - Y)", "dY * (1 - Y) * (1 + Y)");  // rounded otherwise
  says("3", 0, {"dX  within rounding: ", "All 4 are right.", "ops/math.cpp:", "return g * (1 - y * y);"});
  says("", 0, {"03  tanh, sigmoid and a gate          4 of 4      -        -"});

  fill("(1 + Y)", "(1 + Y");
  says("03", 1, {"error: expected", "03_tanh.cpp does not compile: what the compiler says stands above"});
  says("03 --compiler g+++", 2, {"lesson: there is no compiler g+++: --compiler names another one"});
  fill("dY * (1 - Y) * (1 + Y", "*(Tensor*)(nullptr)");
  says("03", 1, {"dY  exact", "dX  it has ", "dZ  exact", "lesson: 3 of 4 are right"});
  fill("*(Tensor*)(nullptr)", "(std::exit(0), dY)");
  says("03", 1, {"dX  it has ended the program\n", "dZ  exact", "lesson: 3 of 4 are right"});
  fill("(std::exit(0), dY)", "dY");
  fill("{\"dY(G, dH)\", dY}, ", "");
  says("03", 1, {"dY  not listed in answers\n", "lesson: 2 of 4 are right"});
  const std::string before = file;
  file += "extern int nowhere(int);\nint never = nowhere(1);\n", write(mine, file);
  says("03", 2, {"lesson: what was compiled cannot be loaded: ", "undefined symbol: nowhere(int)\n"});
  write(mine, file = before + "int never = (__builtin_trap(), 1);\n");
  says("03", 2, {"lesson: loading the file has crashed: "});
  write(mine, file = before);
  says("03 --compiler 'ccache g++'", 2,
       {"there is no compiler ccache g++: --compiler names one program, without arguments"});

  says("03 --hint", 0, {"hint 1 of 3\nAll is element by element"});
  says("03 --hint", 0, {"hint 2 of 3\n"});
  says("03 --hint 1", 0, {"hint 1 of 3\n"});
  says("03 --hint", 0, {"hint 3 of 3\n"});
  says("03 --hint", 0, {"lesson 03 --derivation --folder ", " shows how it goes"});
  says("03 --hint 4", 2, {"lesson: there is no hint 4: they go from 1 to 3"});
  says("03 --derivation", 0,
       {"Tensor dX(const Tensor& Y, const Tensor& dY) { return dY * (1 - Y * Y); }", "ops/math.cpp:"});
  const Quiz quiz = draw_quiz(exercise("03"), 5);
  says("03 --quiz --seed 5", 0, {quiz.question(), "Answer with its name"});
  says("03 --quiz --seed 5 " + quiz.part->name, 0, {"\nYes: "});
  says("03 --quiz --seed 5 " + std::string(quiz.part->name == "dX" ? "dZ" : "dX"), 0,
       {"\nNo: it is " + quiz.part->name});
  says("03 --quiz dQ", 2, {"lesson: there is no line dQ in it"});
  says("", 0, {"03  tanh, sigmoid and a gate          2 of 4      3   1 of 2"});
  says("03 --hint --quiz", 2, {"lesson: --hint, --derivation and --quiz go one at a time"});
  std::filesystem::create_directory(folder / "04_softmax.cpp");
  says("04", 2, {"04_softmax.cpp is not a file"});
  const Said in_a_file = run_program_of_build("lesson", "03 --folder \"" + mine + "\"");
  CHECK(in_a_file.code == 2);
  CHECK(contains(in_a_file.text, "lesson: cannot use " + mine));
  CHECK(contains(run_program_of_build("lesson", "03 --folder ''").text, "lesson: --folder must have a name"));

  says("03 4", 2, {"lesson: unexpected argument 4"});
  says("99", 2, {"lesson: there is no lesson 99: they go from 01 to 14"});
  write(folder / "scores.txt", "03_tanh four\n");
  says("", 2, {"scores.txt: \"03_tanh four\" is not a line of a score sheet"});
}

TEST_CASE("README shows what lesson 07 prints", "[lessons]") {
  const Folder folder;
  const std::string mine = folder / "07_attention.cpp", readme = read(HEED_SOURCE_DIR "/README.md");
  std::string file = read(task_file(exercise("07")));
  for (const auto& [from, to] : {std::pair("todo(A, dO)", "matmul(transpose(A), dO)"),
                                 {"todo(V, dO)", "matmul(dO, transpose(V))"},
                                 {"todo(A, dA)", "A * dA"},
                                 {"todo(Q, dS)", "matmul(dS, Q)"}})
    file.replace(file.find(from), std::string(from).size(), to);
  write(mine, file);
  std::string text = run_program_of_build("lesson", "07 --folder \"" + folder.path.string() + "\"").text;
  text.replace(text.find(folder.path.string()), folder.path.string().size(), "lessons");
  INFO(text);
  REQUIRE(contains(text, "\nlesson: 2 of 5 are right; "));
  text.erase(text.find("lesson: 2 of 5 are right; "));
  CHECK(contains(readme, "```\n" + text + "```\n"));
  std::set<std::string> mistakes;
  for (const Exercise& e : exercises())
    for (const Part& p : e.parts)
      for (const Mistake& m : p.mistakes) mistakes.insert(m.why);
  CHECK(contains(readme, std::to_string(mistakes.size()) + " different mistakes that people make"));
}
