//===- Check.cpp - seqc check -----------------------------------------------------------===//
//
// Compiled code against the interpreter, on the inputs given or on random ones: lengths
// that are empty, short, one vector, and one past it, then a ragged batch. Where the
// program itself refuses or fails on such inputs (`T - 3` at length 0), both must.
//
// A program may be ill-conditioned on random inputs: a recurrence that expands differences
// by 1.5 a step multiplies the rounding of its first step by 10^11 at length 65, in any
// order of operations. So where an output is off, the interpreter runs again on inputs
// moved by their last bit; the tolerance is at least 64 times what that moves, more than the few
// roundings of each of 65 steps.
//
// Kernels in the simulator run in three orders of their threads and blocks, which must give the
// same bits. Their counts are reported for the longest sequences alone, of the first trial.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/Kernels.h"
#include "compiler/Tools/seqc/OwnInputs.h"
#include "compiler/Tools/seqc/Pieces.h"
#include "compiler/Tools/seqc/Progress.h"
#include "compiler/Tools/seqc/Report.h"
#include "compiler/Tools/seqc/Scans.h"
#include "compiler/Tools/seqc/Verbs.h"
#include "compiler/Transforms/Transforms.h"

#include "seq/random.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <set>

namespace seq::tool {

namespace {
/// Compiled code in one form, run whole or in pieces, and the worst that was seen of each output.
struct Candidate {
  Candidate(Session &session, std::string form, bool cut)
      : form(std::move(form)), cut(cut), compiled(session), worst(session.entry().results.size()) {}
  std::string form; ///< as asked for; "": the cheapest
  FormReport taken;
  bool cut;
  std::shared_ptr<jit::LoadedObject> loaded;
  Runner compiled;
  std::vector<Comparison> worst;
  std::optional<std::string> countedSizes;
  std::vector<KernelCounts> kernels; ///< of the one case that is counted
};

/// "`y` differs at element 3"; "" where all bits are the same.
std::string difference(const Session &session, const std::vector<Array> &a,
                       const std::vector<Array> &b) {
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t bytes = a[i].byteCount();
    const char *x = a[i].as<char>(), *y = b[i].as<char>();
    if (bytes == 0 || std::memcmp(x, y, size_t(bytes)) == 0)
      continue;
    int64_t at = std::mismatch(x, x + bytes, y).first - x;
    return "`" + resultName(session, i) + "` differs at element " +
           std::to_string(at / (bytes / a[i].count()));
  }
  return "";
}

class Checker {
public:
  Checker(Session &session, const std::vector<std::string> &forms)
      : session(session), reference(session) {
    for (const std::string &form : forms)
      for (bool cut : {false, true})
        if (!cut || session.options.cuts)
          candidates.push_back(std::make_unique<Candidate>(session, form, cut));
  }

  bool prepare() {
    interpreted = makeInterpreted(session, session.options.referenceF64);
    if (!interpreted)
      return false;
    rounding = roundingOf(session);
    std::shared_ptr<jit::LoadedObject> whole;
    for (auto &c : candidates) {
      session.setForm(c->form);
      if (!takenForm(session, c->form, c->taken))
        return false;
      c->loaded = whole = c->cut ? whole : loadCompiled(session);
      if (!c->loaded || !c->compiled.create(*c->loaded->descriptor, threadsOf(session)))
        return false;
    }
    interpreted->makeCurrent();
    return reference.createHere(interpreted->model());
  }

  bool checkGiven() {
    sizes = sizesText(shapeOf(session, 0, 0));
    toCount = true;
    return checkOne(session.inputs, true);
  }

  bool checkOwn() {
    for (auto &c : candidates)
      c->compiled.keepMessages();
    reference.keepMessages();
    Progress progress(session.options.quiet);
    for (int trial = 0; trial < session.options.trials; ++trial) {
      uint64_t seed = session.options.seed + uint64_t(trial);
      progress.tell("trial " + std::to_string(trial + 1) + " of " +
                    std::to_string(session.options.trials));
      for (int64_t length : lengths())
        for (const OwnShape &shape : shapesOf(session, length, 6)) {
          toCount = trial == 0 && length == lengths().back();
          if (!checkShape(shape, seed))
            return false;
        }
      if (!checkShape(raggedShape(trial), seed))
        return false;
    }
    return true;
  }

  int report() {
    bool bad = !mismatch.empty();
    if (session.options.json)
      std::printf("{\"cases\": %d, \"outputs\": [", cases);
    for (size_t k = 0; k < candidates.size(); ++k)
      for (size_t i = 0; i < candidates[k]->worst.size(); ++i) {
        bad |= !(candidates[k]->worst[i].units <= 1);
        printOutput(*candidates[k], i, k + i == 0);
      }
    if (session.options.json)
      std::printf("]%s, \"refused\": %d, \"mismatch\": %s, \"ok\": %s}\n", countsJson().c_str(),
                  refused, jsonText(mismatch).c_str(), bad ? "false" : "true");
    else
      printTotals();
    return bad ? CheckFailed : Good;
  }

private:
  /// Derived forms also meet the ends of chunks and sequences of many blocks. One, where sizes
  /// by name say all.
  std::vector<int64_t> lengths() const {
    if (llvm::all_of(sequenceSizes(session),
                     [&](const std::string &s) { return session.givenSizes().count(s); }))
      return {0};
    std::set<int64_t> all = {0, 1, 2, 7, 64, 65};
    for (const auto &c : candidates) {
      if (c->taken.form != "sequential")
        all.insert({15, 16, 17, 31, 33, 53, 530});
      if (int64_t n = c->taken.chunk)
        all.insert({n - 1, n, n + 1, 2 * n - 1, 2 * n + 1, 3 * n + 5});
    }
    return {all.begin(), all.end()};
  }

  OwnShape raggedShape(int trial) {
    OwnShape shape = shapesOf(session, 65, 6).back();
    std::vector<int64_t> lengths = {65, 0, 7, 64, 1};
    if (shape.batch >= 0) // an input given has one
      lengths.resize(size_t(shape.batch), 3);
    shape.batch = int64_t(lengths.size());
    for (const std::string &name : sequenceSizes(session)) {
      for (int64_t &n : lengths)
        n = std::min(n, shape.sizes[name]);
      shape.lengths.push_back({name, lengths});
      if (!lengths.empty())
        std::rotate(lengths.begin(), lengths.begin() + (1 + trial % 3) % lengths.size(),
                    lengths.end());
    }
    return shape;
  }

  bool checkShape(const OwnShape &shape, uint64_t seed) {
    CallInputs inputs;
    sizes = sizesText(shape) + (shape.lengths.empty() ? "" : " of several lengths");
    if (!makeInputs(session, shape, seed, inputs))
      return !session.diags.hasErrors();
    return checkOne(inputs, false);
  }

  bool checkOne(CallInputs &inputs, bool given) {
    std::vector<Array> want;
    bool good =
        interpretOnce(session, *interpreted, reference, inputs, session.options.referenceF64, want);
    if (!good && given)
      return false;
    ++cases;
    bool all = good;
    for (auto &c : candidates)
      all &= compare(*c, inputs, given, good, want);
    refused += !all;
    return all || !given;
  }

  /// False where the call fails.
  bool compare(Candidate &c, CallInputs &inputs, bool given, bool good,
               const std::vector<Array> &want) {
    std::vector<Array> got;
    bool alsoGood = callCompiled(c, inputs, given, got);
    if (good != alsoGood && !given && mismatch.empty())
      mismatch = good ? "compiled code fails alone: " + c.compiled.message()
                      : "the interpreter fails alone: " + reference.message();
    if (!good || !alsoGood)
      return false;
    std::vector<Comparison> errors;
    bool off = false;
    for (size_t i = 0; i < got.size(); ++i) {
      errors.push_back(compareArrays(got[i], want[i], rounding));
      off |= errors.back().units > 1;
    }
    if (off)
      allowForConditioning(inputs, want, errors);
    for (size_t i = 0; i < got.size(); ++i)
      take(c.worst[i], errors[i]);
    return true;
  }

  bool callOnce(Candidate &c, CallInputs &inputs, std::vector<Array> &got) {
    return c.cut ? callInPieces(c, inputs, got) : c.compiled.call(inputs, got);
  }

  /// In the simulator in each order.
  bool callCompiled(Candidate &c, CallInputs &inputs, bool given, std::vector<Array> &got) {
    seq_sim *sim = c.compiled.simulator();
    if (!sim)
      return callOnce(c, inputs, got);
    bool counts = toCount && !c.countedSizes;
    seq_sim_set_counting(sim, counts);
    bool good = callOnce(c, inputs, got);
    if (counts && good) {
      c.countedSizes = sizes;
      c.kernels = kernelCounts(sim, *c.loaded->descriptor);
    }
    seq_sim_set_counting(sim, 0);
    std::string said = good ? "" : faultOf(c, "forward");
    // A failure that is given is reported already.
    for (int order : {SEQ_SIM_REVERSE, SEQ_SIM_RANDOM})
      if (good || !given) {
        seq_sim_set_order(sim, order, session.options.seed);
        good = sameInOrder(c, inputs, good, said, order, got);
      }
    seq_sim_set_order(sim, SEQ_SIM_FORWARD, 0);
    return good;
  }

  /// What a failed call said. What the simulator finds is no failure of the program's own.
  std::string faultOf(const Candidate &c, const char *order) {
    if (c.compiled.failure() == SEQ_ERR_DEVICE && mismatch.empty())
      mismatch = std::string("a fault in ") + order + " order: " + c.compiled.message();
    return c.compiled.message();
  }

  /// Compares one more call with the first one, which gave `first` or failed as `said`; whether
  /// both are good.
  bool sameInOrder(Candidate &c, CallInputs &inputs, bool good, const std::string &said, int order,
                   const std::vector<Array> &first) {
    const char *name = order == SEQ_SIM_REVERSE ? "reverse" : "random";
    std::vector<Array> other;
    bool alsoGood = callOnce(c, inputs, other);
    std::string what = alsoGood ? "" : faultOf(c, name);
    if (good != alsoGood)
      what = good ? "it fails: " + what : "it does not fail: " + said;
    else if (good)
      what = difference(session, first, other);
    else
      what = what == said ? "" : "it fails: " + what + ", and not: " + said;
    if (!what.empty() && mismatch.empty())
      mismatch = "results depend on the order of threads: in " + std::string(name) + " order " +
                 what + (sizes.empty() ? "" : ", for " + sizes);
    return good && alsoGood;
  }

  /// `, "counts": [{"form": …, "kernels": […], "sums": {…}}, …]` of the simulator; else "".
  std::string countsJson() const {
    std::string rows;
    for (const auto &c : candidates)
      if (c->countedSizes)
        rows += (rows.empty() ? "{\"form\": " : ", {\"form\": ") +
                jsonText(c->form.empty() ? c->taken.form : c->form) +
                ", \"cut\": " + (c->cut ? "true" : "false") +
                ", \"sizes\": " + jsonText(*c->countedSizes) + ", " + kernelCountsJson(c->kernels) +
                "}";
    return candidates[0]->compiled.simulator() ? ", \"counts\": [" + rows + "]" : "";
  }

  /// Cut at up to four places, which may be the same.
  bool callInPieces(Candidate &c, CallInputs &inputs, std::vector<Array> &got) {
    auto cut = [&](int64_t steps) {
      int32_t count, at[4];
      seq_random_below(session.options.seed, cases, 0, 5, &count, 1);
      seq_random_below(session.options.seed, cases, 1, int32_t(steps + 1), at, 4);
      std::sort(at, at + count);
      return std::vector<int64_t>(at, at + count);
    };
    return runPieces(session, c.compiled, inputs, cut, got);
  }

  void allowForConditioning(const CallInputs &inputs, const std::vector<Array> &want,
                            std::vector<Comparison> &errors) {
    CallInputs moved = moveLastBits(inputs);
    std::vector<Array> other;
    if (!interpretOnce(session, *interpreted, reference, moved, session.options.referenceF64,
                       other))
      return;
    for (size_t i = 0; i < errors.size(); ++i) {
      double units = kConditioning * compareArrays(other[i], want[i], rounding).units;
      if (errors[i].units <= 1 || !(units > 1) || std::isinf(units))
        continue;
      errors[i].units /= units;
      illConditioned = true;
    }
  }

  static void take(Comparison &worst, const Comparison &c) {
    worst.absolute = std::fmax(worst.absolute, c.absolute);
    worst.relative = std::fmax(worst.relative, c.relative);
    worst.units = std::max(worst.units, c.units);
  }

  void printOutput(const Candidate &candidate, size_t i, bool first) {
    const Comparison &c = candidate.worst[i];
    std::string name = resultName(session, i);
    const std::string &form = candidate.form.empty() ? candidate.taken.form : candidate.form;
    if (session.options.json)
      std::printf(
          "%s{\"name\": %s, \"form\": \"%s\", \"cut\": %s, \"absolute\": %s, \"relative\": %s, "
          "\"units\": %s}",
          first ? "" : ", ", jsonText(name).c_str(), form.c_str(), candidate.cut ? "true" : "false",
          jsonNumber(c.absolute).c_str(), jsonNumber(c.relative).c_str(),
          jsonNumber(c.units).c_str());
    else
      std::printf("%s%s  max |err| %s  relative %s  %s of the tolerance  %s\n",
                  candidates.size() > 1 ? (form + (candidate.cut ? ", cut  " : "  ")).c_str() : "",
                  name.c_str(), shortNumber(c.absolute).c_str(), shortNumber(c.relative).c_str(),
                  shortNumber(c.units).c_str(), c.units <= 1 ? "ok" : "WRONG");
  }

  /// "2e-5".
  static std::string power(double v) {
    std::string text = shortNumber(v);
    size_t zero = text.find("e-0");
    return zero == std::string::npos ? text : text.erase(zero + 2, 1);
  }

  void printTotals() {
    if (!mismatch.empty())
      std::printf("WRONG: %s\n", mismatch.c_str());
    if (session.options.quiet)
      return;
    bool f64 = session.pipelineOptions().floatType == typed::Elem::F64;
    Tolerance of = Tolerance::of(f64 ? SEQ_F64 : SEQ_F32, rounding);
    std::printf("%d case%s; the tolerance is %s of an output's largest value, at least %s%s\n",
                cases, cases == 1 ? "" : "s", power(of.share).c_str(), power(of.least).c_str(),
                typed::isShort(session.pipelineOptions().floatType)
                    ? ", and a unit in the last place"
                    : "");
    if (illConditioned)
      std::printf(
          "ill-conditioned on these inputs: where their last bit moves an output by more, the "
          "tolerance is %d times that\n",
          kConditioning);
    if (refused)
      std::printf("%d of them the program refuses, interpreted and compiled alike\n", refused);
  }

  Session &session;
  std::unique_ptr<Interpreted> interpreted;
  std::vector<std::unique_ptr<Candidate>> candidates;
  Runner reference;
  std::string mismatch, sizes; ///< of the case that runs
  bool toCount = false;        ///< it is the one to count
  int cases = 0, refused = 0;
  bool illConditioned = false;
  double rounding = 0; ///< Report.h
  static constexpr int kConditioning = 64;
};

bool anyGiven(const Session &session) {
  for (const Array &a : session.inputs.arrays)
    if (a)
      return true;
  return session.entry().params.empty();
}

/// Every input is there, or may be left away.
bool allGiven(const Session &session) {
  const auto &params = session.entry().params;
  for (size_t i = 0; i < params.size(); ++i)
    if (!session.inputs.arrays[i] && !params[i].init)
      return false;
  return anyGiven(session);
}

/// Lengths of sequences that are not there mean nothing.
bool checkLengths(Session &session) {
  if (session.inputs.lengths.empty() || allGiven(session))
    return true;
  session.diags.error(Diag::BadLengths, "lengths", "are given, but not every input is")
      .hint("`check` makes lengths for the inputs that it makes");
  return false;
}

/// The forms to check: the one that would be chosen, that of `--form`, or all that some scan takes.
bool formsToCheck(Session &session, std::vector<std::string> &forms) {
  if (!session.options.allForms) {
    forms.push_back(session.options.form);
    return formExists(session);
  }
  auto add = [&](auto &names, bool always) {
    for (llvm::StringRef form : names) {
      std::vector<FormReport> reports;
      if (!tryForm(session, form, reports))
        return false;
      if ((always && form == names[0]) ||
          llvm::any_of(reports, [&](auto &r) { return r.taken && r.form == form; }))
        forms.push_back(form.str());
    }
    return true;
  };
  return add(kFormNames, true) && add(kConvFormNames, false);
}
} // namespace

int checkVerb(Session &session) {
  std::vector<std::string> forms;
  if (!session.setUp() || !session.checkProgram() || !formsToCheck(session, forms) ||
      !session.loadInputs(true) || !sizesAgree(session) || !checkLengths(session))
    return UserError;
  Checker checker(session, forms);
  if (!checker.prepare())
    return UserError;
  bool good = allGiven(session) ? checker.checkGiven() : checker.checkOwn();
  return good ? checker.report() : UserError;
}

} // namespace seq::tool
