#include "options.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include "../../core/error.h"
#include "../../core/text.h"
#include "../../core/version.h"
#include "progress.h"

namespace heed {
namespace {

struct Answered {  // --help or --version: the program has done what it was asked for
  std::string text;
};
struct Again {  // all options are to be asked for once more, knowing a former start
  std::string run_json;
  std::vector<std::string> others;
};

std::string range_of(const Limits& limits) {
  if (std::isinf(limits.most)) return "at least " + text_of(limits.least);
  if (std::isinf(limits.least)) return "at most " + text_of(limits.most);
  return "from " + text_of(limits.least) + " to " + text_of(limits.most);
}

std::string joined(const std::vector<std::string>& parts, const std::string& by) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : by) + part;
  return all;
}

}  // namespace

struct Options::Impl {
  CLI::App app;
  std::string program, group = "Options";
  std::vector<std::string> arguments;  // last first, as CLI11 takes them
  std::vector<std::string> names;
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  nlohmann::json recalled = nlohmann::json::object();
  bool recalls_all = false;
  std::string wrong;  // the first thing that was

  void blame(const std::string& what) {
    if (wrong.empty()) wrong = what;
  }

  // Reads the arguments again, with the options known so far; what is not known yet is left over.
  void read() {
    try {
      app.parse(std::vector<std::string>(arguments));
    } catch (const CLI::ParseError&) {
      blame(arguments.front() + " needs a value");  // the last argument is an option
    }
  }

  void recall(const std::string& run_json) {
    std::ifstream file(run_json);
    const auto starts = nlohmann::json::parse(file, nullptr, false);
    if (!starts.is_array() || starts.empty() || !starts.back().is_object()) return;
    const auto given = starts.back().value("options", nlohmann::json());
    if (given.is_object()) recalled = given;
  }
  void begin_again(const Again& again) {
    recall(again.run_json);
    for (const std::string& name : again.others) recalled.erase(bare(name));
    recalls_all = true;
  }

  // What a former start was given, where it is of the type of the usual value.
  template <class T>
  T usual(const std::string& name, const T& value) const {
    const auto found = recalled.find(bare(name));
    if (found == recalled.end() || found->type_name() != nlohmann::json(value).type_name()) return value;
    return found->get<T>();
  }

  bool flag(const std::string& name, const std::string& help) {
    CLI::Option* option = app.add_flag(name, help)->group(group)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    names.push_back(name.substr(name.find("--")));
    read();
    if (!option->count()) return usual(name, false);
    const std::string value = option->results().back();
    if (value != "true" && value != "false") blame(name + " " + value + ": must be true or false, or stand alone");
    return value == "true";
  }

  // The value as it was given, if it was.
  std::optional<std::string> given(const std::string& name, const std::string& type, const std::string& usual,
                                   const std::string& help) {
    CLI::Option* option = app.add_option(name, help)->group(group)->expected(1);
    option->option_text(type + (usual.empty() ? "" : " [" + usual + "]"));
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    names.push_back(name);
    read();
    if (!option->count()) return std::nullopt;
    const auto value = option->as<std::string>();
    const bool meant = std::find(arguments.begin(), arguments.end(), name + "=" + value) != arguments.end();
    if (value.starts_with("--") && !meant) blame(name + " needs a value");  // it is the next flag
    return value;
  }

  template <class T>
  T number(const std::string& name, T value, const std::string& help, Limits limits) {
    T v = usual(name, value);
    const auto text = given(name, std::is_integral_v<T> ? "N" : "X", text_of(double(v)), help);
    if (text) {
      const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), v);
      if (error != std::errc() || end != text->data() + text->size() || !std::isfinite(double(v)))
        blame(name + " " + *text + ": must be a " + (std::is_integral_v<T> ? "whole " : "") + "number");
      else if (double(v) < limits.least || double(v) > limits.most)
        blame(name + " " + *text + ": must be " + range_of(limits));
    }
    keep(name, v);
    return v;
  }

  template <class T>
  void keep(const std::string& name, const T& value) {
    values[bare(name)] = value;
  }
  static std::string bare(const std::string& name) { return name.substr(name.find_first_not_of('-')); }

  [[noreturn]] void refuse(const std::string& argument) const {
    const std::string flag = argument.substr(0, argument.find('=')), name = nearest(flag, names);
    const bool near = distance(flag, name) <= std::max<std::size_t>(2, name.size() / 3);
    throw Error("unknown flag " + flag + (near ? ": did you mean " + name + "?" : ": --help lists those there are"));
  }
};

Options::Options(int argc, const char* const* argv, const About& about) : impl_(std::make_unique<Impl>()) {
  Impl& my = *impl_;
  my.program = std::filesystem::path(argv[0]).filename();
  my.arguments.assign(std::reverse_iterator(argv + argc), std::reverse_iterator(argv + 1));
  my.app.name(my.program);
  my.app.description(about.what);
  if (!about.example.empty()) my.app.footer("Example: " + my.program + " " + about.example);
  my.app.allow_extras();
  my.app.set_help_flag();
  my.app.get_formatter()->column_width(34);
}
Options::~Options() = default;

void Options::group(std::string title) { impl_->group = std::move(title); }

void Options::recall(const std::string& run_json) { impl_->recall(run_json); }

void Options::recall_all(const std::string& run_json, const std::vector<std::string>& others) {
  if (!impl_->recalls_all) throw Again{run_json, others};
}

int64_t Options::integer(const std::string& name, int64_t usual, const std::string& help, Limits limits) {
  return impl_->number(name, usual, help, limits);
}

double Options::number(const std::string& name, double usual, const std::string& help, Limits limits) {
  return impl_->number(name, usual, help, limits);
}

std::string Options::text(const std::string& name, const std::string& usual, const std::string& help) {
  const std::string otherwise = impl_->usual(name, usual);
  std::string value = impl_->given(name, "TEXT", otherwise, help).value_or(otherwise);
  impl_->keep(name, value);
  return value;
}

std::string Options::required(const std::string& name, const std::string& help) {
  const std::string otherwise = impl_->usual(name, std::string());
  std::string value = impl_->given(name, "TEXT", otherwise.empty() ? "needed" : otherwise, help).value_or(otherwise);
  if (value.empty()) impl_->blame(name + " is needed: " + help);
  impl_->keep(name, value);
  return value;
}

std::string Options::choice(const std::string& name, const std::vector<std::string>& choices, const std::string& help) {
  const std::string otherwise = impl_->usual(name, choices.front());
  std::string value = impl_->given(name, joined(choices, "|"), otherwise, help).value_or(otherwise);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    impl_->blame(name + " " + value + ": must be " + joined(choices, " or "));
    value = choices.front();  // until done() says so
  }
  impl_->keep(name, value);
  return value;
}

bool Options::flag(const std::string& name, const std::string& help) {
  const bool on = impl_->flag(name, help);
  impl_->keep(name, on);
  return on;
}

std::vector<std::string> Options::words(const std::string& name, const std::string& help) {
  CLI::Option* option = impl_->app.add_option(name, help)->expected(0, -1)->allow_extra_args()->option_text(" ");
  impl_->read();
  const std::vector<std::string> given = option->results();
  impl_->keep(name, given);
  return given;
}

void Options::no_part(const std::string& name, const std::string& in) {
  if (impl_->app.get_option(name)->count()) impl_->blame(name + " has no part in " + in);
}

void Options::done() {
  Impl& my = *impl_;
  my.group = "Help";
  const bool help = my.flag("-h,--help", "prints this and ends");
  const bool version = my.flag("--version", "prints the version of heed and ends");
  if (help) throw Answered{my.app.help()};
  if (version) throw Answered{"heed " + std::string(heed::version()) + "\n"};
  const std::vector<std::string> left = my.app.remaining();
  for (const std::string& argument : left)
    if (argument.starts_with("-")) my.refuse(argument);
  if (!my.wrong.empty()) throw Error(my.wrong);
  if (!left.empty()) throw Error("unexpected argument " + left.front());
}

std::string Options::json() const {
  return impl_->values.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
const std::string& Options::program() const { return impl_->program; }

int run_program(int argc, const char* const* argv, const About& about, void (*body)(Options& options)) {
  std::optional<Options> options(std::in_place, argc, argv, about);
  const auto complain = [&](const char* what, int code) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", options->program().c_str(), what);
    return code;
  };
  try {
    try {
      body(*options);
    } catch (const Again& again) {
      options.emplace(argc, argv, about);
      options->impl_->begin_again(again);
      body(*options);
    }
    return interrupted() ? 128 + interrupted() : 0;
  } catch (const Answered& answer) {
    std::fputs(answer.text.c_str(), stdout);
    return 0;
  } catch (const Error& e) {
    return complain(e.what(), 2);
  } catch (const std::exception& e) {
    return complain(e.what(), 1);
  }
}

}  // namespace heed
