//===- Interpret.cpp - One sequence -----------------------------------------------------===//
#include "compiler/Reference/Machine.h"

#include "runtime/include/seq/abi.h"

#include <cstring>

namespace seq::reference {

size_t elemBytes(Elem e) {
  return dispatch(e, [](auto zero) { return sizeof zero; });
}

size_t storedBytes(Elem e) {
  return e == Elem::BF16 || e == Elem::F16 ? 2 : elemBytes(e);
}

int64_t Tensor::count() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

Tensor Tensor::zeros(Elem elem, std::vector<int64_t> shape) {
  Tensor t;
  t.elem = elem;
  t.shape = std::move(shape);
  t.bytes.assign(static_cast<size_t>(t.count()) * elemBytes(elem), 0);
  return t;
}

/// The elements of `from` as `to`'s type.
static void convert(const Tensor &from, Elem to, char *out) {
  dispatch(from.elem, [&](auto a) {
    dispatch(to, [&](auto b) {
      auto *x = from.data<decltype(a)>();
      auto *y = reinterpret_cast<decltype(b) *>(out);
      for (int64_t i = 0, n = from.count(); i < n; ++i)
        y[i] = static_cast<decltype(b)>(x[i]);
    });
  });
}

/// Whether the argument is what the function takes: rank and constant axes.
static bool checkArg(Machine &m, const Tensor &arg, llvm::ArrayRef<int64_t> dims) {
  if (arg.shape.size() != dims.size()) {
    m.failSize(0, static_cast<int64_t>(arg.shape.size()), static_cast<int64_t>(dims.size()));
    return false;
  }
  for (auto [have, want] : llvm::zip(arg.shape, dims))
    if (want >= 0 && have != want) {
      m.failSize(0, have, want);
      return false;
    }
  return true;
}

/// Tensors of the wanted type are read where they are.
static bool bindTensor(Machine &m, const Tensor &arg, uint32_t slot) {
  Slot &s = m.tensors[slot];
  if (arg.elem != s.elem) {
    if (!m.allocate(slot, arg.shape, 0))
      return false;
    convert(arg, s.elem, s.bytes.get());
    return true;
  }
  s.shape.assign(arg.shape.begin(), arg.shape.end());
  char *bytes = const_cast<char *>(arg.bytes.data()); // slots of arguments are never written
  s.bytes = std::shared_ptr<char>(std::shared_ptr<char>(), bytes);
  return true;
}

static bool bindArgs(Machine &m, const std::vector<const Tensor *> &args) {
  const Program &p = m.program;
  if (args.size() != p.argSlots.size()) {
    m.failSize(0, static_cast<int64_t>(args.size()), static_cast<int64_t>(p.argSlots.size()));
    return false;
  }
  for (size_t i = 0; i < args.size(); ++i) {
    if (!checkArg(m, *args[i], p.argDims[i]))
      return false;
    if (p.argSlots[i] != kNone) {
      if (!bindTensor(m, *args[i], p.argSlots[i]))
        return false;
      continue;
    }
    uint32_t reg = p.argRegs[i];
    convert(*args[i], p.main.regs[reg], m.frames[0][reg].own);
  }
  return true;
}

static bool bindSizes(Machine &m, const std::map<std::string, int64_t> &sizes, Failure &failure) {
  for (const std::string &name : m.program.sizes) {
    auto it = sizes.find(name);
    if (it == sizes.end()) {
      failure.what = "the size `" + name + "` is not given";
      return false;
    }
    m.sizes.push_back(it->second);
  }
  return true;
}

static Tensor takeResult(Machine &m, uint32_t slot, uint32_t reg) {
  Tensor t;
  const char *from;
  if (slot != kNone) {
    const Slot &s = m.tensors[slot];
    t.elem = s.elem;
    t.shape.assign(s.shape.begin(), s.shape.end());
    from = s.bytes.get();
  } else {
    t.elem = m.program.main.regs[reg];
    from = m.frames[0][reg].data;
  }
  size_t bytes = static_cast<size_t>(t.count()) * elemBytes(t.elem);
  t.bytes.assign(from, from + bytes);
  return t;
}

bool runProgram(const Program &program, const std::vector<const Tensor *> &args,
                const std::map<std::string, int64_t> &sizes, Counts *counts,
                std::vector<Tensor> &results, Failure &failure) {
  results.clear();
  failure = Failure();
  if (!program.error.empty()) {
    failure.what = program.error;
    failure.file = program.errorPlace.file;
    failure.line = program.errorPlace.line;
    failure.column = program.errorPlace.column;
    return false;
  }
  Machine m(program, failure);
  m.counts = counts;
  if (!bindSizes(m, sizes, failure) || !bindArgs(m, args))
    return false;
  m.run(program.main.code, m.frames[0], 1);
  if (m.failedPlace != kNone)
    return false;
  for (auto [slot, reg] : llvm::zip(program.resultSlots, program.resultRegs))
    results.push_back(takeResult(m, slot, reg));
  return true;
}

bool interpret(mlir::func::FuncOp func, const std::vector<const Tensor *> &args,
               const std::map<std::string, int64_t> &sizes, const Options &options,
               std::vector<Tensor> &results, Failure &failure) {
  return runProgram(*buildProgram(func, options.f64), args, sizes, options.counts, results,
                    failure);
}

} // namespace seq::reference
