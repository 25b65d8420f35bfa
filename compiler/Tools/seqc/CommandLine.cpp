//===- CommandLine.cpp - Verbs and options -----------------------------------===//
//
// One table holds every option: its verbs, what it takes, its help and what it sets.
// `--name VALUE` and `--name=VALUE` are the same; `-O2` and `-Idir` need no space.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/CommandLine.h"

#include "compiler/Codegen/Target.h"
#include "compiler/Sema/Typed.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace seq::tool {

bool parseInteger(const std::string &text, int64_t &out) {
  if (text.empty() || text[0] == ' ' || text[0] == '+')
    return false;
  char *end = nullptr;
  errno = 0;
  out = std::strtoll(text.c_str(), &end, 10);
  return errno == 0 && end == text.c_str() + text.size();
}

bool parseDouble(const std::string &text, double &out) {
  if (text.empty() || text[0] == ' ')
    return false;
  char *end = nullptr;
  out = std::strtod(text.c_str(), &end);
  bool hex = text.find_first_of("xXpP") != std::string::npos;
  return end == text.c_str() + text.size() && !hex;
}

std::vector<std::string> splitText(const std::string &text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text)
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

namespace {

/// Sets the option from its value ("" for flags); false where the value is wrong.
using Setter = bool (*)(CommandLine &, const std::string &);

struct OptionSpec {
  const char *name, *value; ///< "--weights", "FILE"; value null: a flag
  unsigned verbs;
  Setter set;
  const char *help;
  const char *wanted; ///< what a value must be, for messages
};

bool setFloat(CommandLine &c, const std::string &v) {
  c.floatType = v;
  return typed::floatNamed(v).has_value();
}

bool setThreads(CommandLine &c, const std::string &v) {
  c.threads.clear();
  for (const std::string &part : splitText(v, ',')) {
    int64_t n;
    if (!parseInteger(part, n) || n < 1 || n > 1024)
      return false;
    c.threads.push_back(int(n));
  }
  return c.verb == Bench || c.threads.size() == 1;
}

bool setColor(CommandLine &c, const std::string &v) {
  c.color = v == "always" ? Color::Always : v == "never" ? Color::Never : Color::Auto;
  return v == "always" || v == "never" || v == "auto";
}

bool setErrorFormat(CommandLine &c, const std::string &v) {
  c.errorFormat = v == "json" ? ErrorFormat::Json : ErrorFormat::Text;
  return v == "json" || v == "text";
}

bool setEmit(CommandLine &c, const std::string &v) {
  c.emit = v;
  return v == "ast" || v == "seq" || v == "linalg" || v == "llvm" || v == "asm";
}

bool setTrials(CommandLine &c, const std::string &v) {
  int64_t n;
  bool good = parseInteger(v, n) && n >= 1 && n <= 1000000;
  c.trials = good ? int(n) : 1;
  return good;
}

bool setSeed(CommandLine &c, const std::string &v) {
  int64_t n;
  bool good = parseInteger(v, n) && n >= 0;
  c.seed = good ? uint64_t(n) : 0;
  return good;
}

/// Ends of pieces, in order; a last piece goes to the end of the sequence.
bool setCut(CommandLine &c, const std::string &v) {
  c.cut.emplace();
  for (const std::string &part : splitText(v, ',')) {
    int64_t n;
    if (!parseInteger(part, n) || n < (c.cut->empty() ? 0 : c.cut->back()))
      return false;
    c.cut->push_back(n);
  }
  return true;
}

bool setSeconds(CommandLine &c, const std::string &v) {
  return parseDouble(v, c.seconds) && c.seconds > 0 && c.seconds <= 3600;
}

bool setTokens(CommandLine &c, const std::string &v) {
  return parseInteger(v, c.tokens) && c.tokens >= 0 && c.tokens <= 1000000000;
}

bool setTemperature(CommandLine &c, const std::string &v) {
  return parseDouble(v, c.temperature) && c.temperature >= 0 && c.temperature <= 1e6;
}

bool setOptLevel(CommandLine &c, const std::string &v) {
  if (v.size() != 1 || v[0] < '0' || v[0] > '3')
    return false;
  c.optLevel = unsigned(v[0] - '0');
  return true;
}

bool setText(std::string &to, const std::string &v) {
  to = v;
  return !v.empty();
}

/// A path, or `random:SEED`.
bool setWeights(CommandLine &c, const std::string &v) {
  c.weights = v;
  if (v.rfind("random:", 0) != 0)
    return !v.empty();
  int64_t n;
  bool good = parseInteger(v.substr(7), n) && n >= 0;
  c.weightsSeed = good ? uint64_t(n) : 0;
  return good;
}

const OptionSpec kOptions[] = {
    {"-o", "FILE", Compile, [](CommandLine &c, auto &v) { return setText(c.output, v); },
     "what to write: its suffix is .so, .a, .o, .s or .ll", "a path"},
    {"-o", "FILE", Explain, [](CommandLine &c, auto &v) { return setText(c.output, v); },
     "write the report to FILE", "a path"},
    {"--html", nullptr, Explain, [](CommandLine &c, auto &) { return c.html = true; },
     "report as a page: the plan, the program beside it, tables", ""},
    {"--header", "FILE.h", Compile, [](CommandLine &c, auto &v) { return setText(c.header, v); },
     "write a C header, and FILE.json beside it", "a path"},
    {"--emit", "WHAT", Compile, setEmit, "print ast, seq, linalg, llvm or asm, or write it to -o",
     "ast, seq, linalg, llvm or asm"},
    {"--out", "DIR", Run, [](CommandLine &c, auto &v) { return setText(c.outDir, v); },
     "write the results to DIR as .npy", "a path"},
    {"--check", nullptr, Run, [](CommandLine &c, auto &) { return c.check = true; },
     "compare with the reference interpreter", ""},
    {"--interpret", nullptr, Run, [](CommandLine &c, auto &) { return c.interpret = true; },
     "run the reference interpreter instead of compiled code", ""},
    {"--cut", "N,...", Run, setCut, "run as a stream, in pieces that end there",
     "steps from 0 in ascending order, such as 3,17"},
    {"--reference-float", "f32|f64", Run | Check,
     [](CommandLine &c, auto &v) {
       c.referenceF64 = v == "f64";
       return v == "f64" || v == "f32";
     },
     "the interpreter's precision", "f32 or f64"},
    {"--trials", "N", Check, setTrials, "so many sets of inputs for each length", "1 or more"},
    {"--seed", "S", Check | Bench | Generate, setSeed,
     "seed of the inputs that the tool makes, and of what it draws", "0 or more"},
    {"--prompt", "TEXT", Generate, [](CommandLine &c, auto &v) { return setText(c.prompt, v); },
     "the text that is gone on from (default: a new line)", "a text of one byte or more"},
    {"--tokens", "N", Generate, setTokens, "how many to make (default 256)", "a number from 0"},
    {"--temperature", "X", Generate, setTemperature,
     "0 takes the most likely token, 1 draws as the model says (default)", "a number from 0"},
    {"--form", "FORM", Every, [](CommandLine &c, auto &v) { return setText(c.form, v); },
     "the form of what can have it: recurrences sequential, scan, chunked, two-level; convolutions "
     "direct, fft",
     "a form"},
    {"--all-forms", nullptr, Check, [](CommandLine &c, auto &) { return c.allForms = true; },
     "check every form that exists", ""},
    {"--cuts", nullptr, Check, [](CommandLine &c, auto &) { return c.cuts = true; },
     "check the stream too, cut at random", ""},
    {"--seconds", "S", Bench, setSeconds, "seconds for each row", "a number above 0, up to 3600"},
    {"--weights", "FILE|random:SEED", Every, setWeights,
     "the parameters: a safetensors file, or random ones",
     "a path, or random:SEED with a seed from 0"},
    {"--ignore-extra", nullptr, Every, [](CommandLine &c, auto &) { return c.ignoreExtra = true; },
     "allow weights that the program does not have", ""},
    {"--float", "f32|f64|bf16|f16", Every, setFloat, "what `float` means", "f32, f64, bf16 or f16"},
    {"--target", "NAME,...", Every,
     [](CommandLine &c, auto &v) {
       c.targets = splitText(v, ',');
       return !v.empty();
     },
     "host, x86-64-v2, x86-64-v3, x86-64-v4; sm_80, sm_90a and other chips; cuda; gpusim",
     "names of targets"},
    {"--matmul", "fma|tf32x3|bf16|f16", Every,
     [](CommandLine &c, auto &v) {
       c.matmul = v;
       return codegen::productsNamed(v).has_value();
     },
     "products of f32 on a GPU: exact ones, three on tensor cores (2^-21 of a product), or of "
     "factors rounded to 16 bits, as --float bf16 and f16 have them",
     "fma, tf32x3, bf16 or f16"},
    {"--threads", "N", Every, setThreads,
     "threads (default: physical cores; compile: forms are chosen for 1)",
     "a number of threads from 1 to 1024"},
    {"-O", "0..3", Every, setOptLevel, "how hard to optimise (default 2)", "0, 1, 2 or 3"},
    {"--quiet", nullptr, Every, [](CommandLine &c, auto &) { return c.quiet = true; },
     "print no report and no notes", ""},
    {"--json", nullptr, Reporting | Run, [](CommandLine &c, auto &) { return c.json = true; },
     "report as JSON", ""},
    {"--color", "auto|always|never", Every, setColor, "colour of messages",
     "auto, always or never"},
    {"--error-format", "text|json", Every, setErrorFormat, "form of messages", "text or json"},
    {"-I", "DIR", Every,
     [](CommandLine &c, auto &v) {
       std::error_code error;
       c.includeDirs.push_back(v);
       return std::filesystem::is_directory(v, error);
     },
     "where modules are looked for", "a folder that exists"},
    {"--no-cache", nullptr, Every,
     [](CommandLine &c, auto &) {
       c.cache = false;
       return true;
     },
     "neither read nor write compiled code in the cache", ""},
    {"--time-phases", nullptr, Every, [](CommandLine &c, auto &) { return c.timePhases = true; },
     nullptr, ""},
};

struct VerbSpec {
  const char *name;
  Verb verb;
  const char *help;
  const char *examples; ///< lines of arguments after `seqc VERB`
};
const VerbSpec kVerbs[] = {
    {"compile", Compile, "compile to a library, an object, assembly or IR, with a C header",
     "lstm.seq -o liblstm.so --header lstm.h\nlstm.seq 'LSTM(64, 128)' -o lstm.o --target "
     "x86-64-v3,x86-64-v4\nlstm.seq --emit=seq"},
    {"run", Run, "compile in memory and run once",
     "lstm.seq x=x.npy --weights lstm.safetensors --out results\nema.seq x=random:0:[8,100] "
     "decay=0.9 lengths=100,7,0,5,5,5,5,5 --check"},
    {"check", Check, "compare compiled code with the reference interpreter",
     "lstm.seq 'LSTM(64, 128)' --weights random:1 --trials 10"},
    {"bench", Bench, "time the compiled entry",
     "lstm.seq 'LSTM(64, 128)' T=128,1k batch=1,16 --threads 1,2"},
    {"explain", Explain, "how the recurrences run, and why",
     "lstm.seq 'LSTM(64, 128)' T=1k batch=16\nlstm.seq --html -o lstm.html"},
    {"generate", Generate, "go on from a text, byte by byte",
     "charlm.seq --weights charlm.safetensors --prompt 'The ' --tokens 200 --temperature 0.7"},
    {"help", Help, "this text, or that of a verb", ""},
};

class Parser {
public:
  Parser(const std::vector<std::string> &args, CommandLine &out, DiagnosticEngine &diags)
      : args(args), out(out), diags(diags) {}

  bool run() {
    if (args.empty() || args[0] == "--help" || args[0] == "-h")
      return true;
    if (args[0] == "--version") {
      out.verb = Version;
      return true;
    }
    if (!parseVerb())
      return false;
    for (at = 1; at < args.size(); ++at) {
      if (args[at] == "--help" || args[at] == "-h")
        return askHelp();
      bool isOption = args[at].size() > 1 && args[at][0] == '-';
      if (!(isOption ? parseOption() : parsePositional()))
        return false;
    }
    return finish();
  }

private:
  bool parseVerb() {
    std::vector<std::string> names;
    for (const VerbSpec &v : kVerbs) {
      names.push_back(v.name);
      if (args[0] == v.name) {
        out.verb = v.verb;
        return true;
      }
    }
    auto e = diags.error(Diag::UnknownVerb, args[0], "unknown verb");
    std::string near = nearest(args[0], names);
    e.hint(near.empty() ? "`seqc help` lists the verbs" : "did you mean `" + near + "`?");
    return false;
  }

  bool askHelp() {
    out.topic = args[0];
    out.verb = Help;
    return true;
  }

  /// The verb's own option of that name, or, for messages, another verb's.
  const OptionSpec *find(const std::string &name) const {
    const OptionSpec *found = nullptr;
    for (const OptionSpec &o : kOptions)
      if (name == o.name && (!found || (o.verbs & out.verb)))
        found = &o;
    return found;
  }

  bool unknown(const std::string &name) {
    std::vector<std::string> names;
    for (const OptionSpec &o : kOptions)
      if ((o.verbs & out.verb) && o.help)
        names.push_back(o.name);
    auto e = diags.error(Diag::UnknownOption, name,
                         find(name) ? "`" + args[0] + "` has no such option" : "unknown option");
    std::string near = nearest(name, names);
    e.hint(near.empty() ? "`seqc help " + args[0] + "` lists the options"
                        : "did you mean `" + near + "`?");
    return false;
  }

  bool parseOption() {
    std::string name = args[at], value;
    bool hasValue = false;
    if (name[1] != '-' && name.size() > 2) { // -O2, -Idir
      value = name.substr(name[2] == '=' ? 3 : 2);
      name = name.substr(0, 2);
      hasValue = true;
    } else if (size_t eq = name.find('='); eq != std::string::npos) {
      value = name.substr(eq + 1);
      name = name.substr(0, eq);
      hasValue = true;
    }
    const OptionSpec *spec = find(name);
    if (!spec || !(spec->verbs & out.verb))
      return unknown(spec || name.size() > 2 ? name : args[at]);
    return spec->value ? setValue(*spec, hasValue, value) : setFlag(*spec, hasValue, value);
  }

  bool setFlag(const OptionSpec &spec, bool hasValue, const std::string &value) {
    if (!hasValue)
      return spec.set(out, "");
    diags.error(Diag::OptionValue, spec.name, "takes no value, but has `" + value + "`");
    return false;
  }

  bool setValue(const OptionSpec &spec, bool hasValue, std::string value) {
    if (!hasValue && at + 1 >= args.size()) {
      diags.error(Diag::OptionValue, spec.name, std::string("needs a value: ") + spec.wanted);
      return false;
    }
    if (!hasValue)
      value = args[++at];
    if (spec.set(out, value))
      return true;
    diags.error(Diag::OptionValue, spec.name, "has the value `" + value + "`")
        .hint(std::string("it takes ") + spec.wanted);
    return false;
  }

  /// `x=…` and `lengths.S=…`, but not `Mamba(D = 64)`.
  static bool isGiven(const std::string &arg) {
    size_t eq = arg.find('=');
    return eq != std::string::npos && eq > 0 && arg.find_first_of(" (") > eq;
  }

  bool parsePositional() {
    const std::string &arg = args[at];
    if (out.verb == Help)
      return setTopic(arg);
    if (out.file.empty() && !isGiven(arg)) {
      out.file = arg;
      return true;
    }
    if (isGiven(arg))
      return addGiven(arg);
    if (out.entry.empty()) {
      out.entry = arg;
      return true;
    }
    diags.error(Diag::Usage, arg, "one argument too many: the entry is `" + out.entry + "`")
        .hint("an input is NAME=VALUE without spaces");
    return false;
  }

  bool setTopic(const std::string &arg) {
    for (const VerbSpec &v : kVerbs)
      if (arg == v.name) {
        out.topic = arg;
        return true;
      }
    diags.error(Diag::UnknownVerb, arg, "unknown verb").hint("`seqc help` lists the verbs");
    return false;
  }

  bool addGiven(const std::string &arg) {
    size_t eq = arg.find('=');
    Given g{arg.substr(0, eq), arg.substr(eq + 1)};
    for (const Given &other : out.given)
      if (other.name == g.name) {
        diags.error(Diag::InputTwice, g.name, "`" + g.name + "` is given twice");
        return false;
      }
    out.given.push_back(std::move(g));
    return true;
  }

  bool finish() {
    if (out.verb == Help || !out.file.empty())
      return true;
    diags.error(Diag::Usage, args[0], "no file is given")
        .hint("seqc " + args[0] + " FILE.seq [ENTRY] [NAME=VALUE ...]");
    return false;
  }

  const std::vector<std::string> &args;
  CommandLine &out;
  DiagnosticEngine &diags;
  size_t at = 0;
};

std::string padded(std::string s, size_t width) {
  s.resize(std::max(width, s.size() + 1), ' ');
  return s;
}

} // namespace

bool parseCommandLine(const std::vector<std::string> &args, CommandLine &out,
                      DiagnosticEngine &diags) {
  return Parser(args, out, diags).run();
}

std::string helpText(const std::string &topic) {
  std::string s = "usage: seqc VERB FILE.seq [ENTRY] [NAME=VALUE ...] [options]\n\nverbs:\n";
  unsigned verbs = 0;
  std::string examples;
  for (const VerbSpec &v : kVerbs)
    if (topic == v.name && v.verb != Help) {
      s = std::string("usage: seqc ") + v.name +
          " FILE.seq [ENTRY] [NAME=VALUE ...] [options]\n\n" + v.help + "\n";
      verbs = v.verb;
      for (const std::string &line : splitText(v.examples, '\n'))
        examples += std::string("  seqc ") + v.name + " " + line + "\n";
    }
  if (!verbs)
    for (const VerbSpec &v : kVerbs)
      s += "  " + padded(v.name, 10) + v.help + "\n";
  s += "\noptions:\n";
  for (const OptionSpec &o : kOptions)
    if (o.help && (verbs ? (o.verbs & verbs) != 0 : o.verbs == Every))
      s += "  " + padded(std::string(o.name) + (o.value ? " " + std::string(o.value) : ""), 28) +
           o.help + "\n";
  if (verbs)
    s += "\nexamples:\n" + examples;
  else
    s += "\n`seqc help VERB` lists the options of a verb. Exit codes: 0 good, 1 an error in the\n"
         "program or the data, 2 wrong usage, 3 a check failed, 70 an internal error.\n";
  return s;
}

} // namespace seq::tool
