//===- Interpret.cpp - seq-opt --seq-interpret ---------------------------------------===//
//
//   seq-opt --seq-interpret [--f64] [--count] [--only NAME] [--size T=3]… FILE
//
// Runs the functions without arguments in the order of the file, for example
//
//   @forward
//   f32[2,3] [[1, 2, 3], [4, 5, inf]]
//   @gather
//   failed: read.mlir:12:8: `w[i]`: index 7 of 4
//
// With --count all functions run, arguments being zeros, and what they did is told instead of
// their results: what was counted, what the analysis says for these sizes, its formula.
//
//   @forward
//   adds 96 96 = 4 * T * T
//
//===----------------------------------------------------------------------===//
#include "Interpret.h"

#include "compiler/Analysis/Work.h"
#include "compiler/Reference/Reference.h"
#include "runtime/include/seq/abi.h"

#include "dialect/Seq.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <charconv>
#include <cmath>

using namespace mlir;
using namespace seq::reference;

namespace {
struct Request {
  Options options;
  bool count = false;
  std::string only, file = "-";
  std::map<std::string, int64_t> sizes;
};
} // namespace

bool seq::wantsInterpreter(int argc, char **argv) {
  return llvm::any_of(llvm::ArrayRef(argv, argc),
                      [](const char *arg) { return llvm::StringRef(arg) == "--seq-interpret"; });
}

static bool parseSize(llvm::StringRef text, Request &request) {
  auto [name, value] = text.split('=');
  return !value.getAsInteger(10, request.sizes[name.str()]);
}

static bool parseCommand(int argc, char **argv, Request &request) {
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef arg = argv[i];
    bool more = i + 1 < argc;
    if (arg == "--seq-interpret")
      continue;
    if (arg == "--f64")
      request.options.f64 = true;
    else if (arg == "--count")
      request.count = true;
    else if (arg == "--only" && more)
      request.only = argv[++i];
    else if (arg == "--size" && more && parseSize(argv[i + 1], request))
      ++i;
    else if (arg == "-" || !arg.starts_with("-"))
      request.file = arg.str();
    else
      return false;
  }
  return true;
}

/// The shortest decimals that read back as the same value.
template <class T> static void printElement(T v) {
  if constexpr (std::is_same_v<T, uint8_t>) {
    llvm::outs() << (v ? "true" : "false");
  } else {
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(v)) {
        llvm::outs() << "nan";
        return;
      }
    char text[64];
    auto end = std::to_chars(text, text + sizeof text, v).ptr;
    llvm::outs() << llvm::StringRef(text, end - text);
  }
}

template <class T> static const T *printNested(const T *v, llvm::ArrayRef<int64_t> shape) {
  if (shape.empty()) {
    printElement(*v);
    return v + 1;
  }
  llvm::outs() << "[";
  for (int64_t i = 0; i < shape[0]; ++i) {
    llvm::outs() << (i ? ", " : "");
    v = printNested(v, shape.drop_front());
  }
  llvm::outs() << "]";
  return v;
}

static void print(const Tensor &t) {
  static constexpr const char *names[] = {"f32", "f64", "i32", "bool", "int", "bf16", "f16"};
  llvm::outs() << names[static_cast<int>(t.elem)] << "[";
  llvm::interleave(t.shape, llvm::outs(), ",");
  llvm::outs() << "] ";
  switch (t.elem) {
  case Elem::F32:
  case Elem::BF16:
  case Elem::F16:
    printNested(t.data<float>(), t.shape);
    break;
  case Elem::F64:
    printNested(t.data<double>(), t.shape);
    break;
  case Elem::I32:
    printNested(t.data<int32_t>(), t.shape);
    break;
  case Elem::Bool:
    printNested(t.data<uint8_t>(), t.shape);
    break;
  case Elem::Int:
    printNested(t.data<int64_t>(), t.shape);
    break;
  }
  llvm::outs() << "\n";
}

static void print(const Failure &f) {
  auto &os = llvm::outs() << "failed: ";
  if (!f.file.empty())
    os << llvm::sys::path::filename(f.file) << ":" << f.line << ":" << f.column << ": ";
  if (f.kind == 0) {
    os << f.what << "\n";
    return;
  }
  os << "`" << f.what << "`: ";
  switch (f.kind) {
  case SEQ_FAIL_INDEX:
    os << "index " << f.value << " of " << f.bound;
    break;
  case SEQ_FAIL_DIV_ZERO:
    os << "division by zero";
    break;
  case SEQ_FAIL_CONVERT:
    os << "no i32: " << f.value;
    break;
  case SEQ_FAIL_EMPTY:
    os << "nothing to choose from";
    break;
  case SEQ_FAIL_SIZE:
    os << "size " << f.value << ", wanted " << f.bound;
    break;
  }
  os << "\n";
}

static void run(func::FuncOp func, const Request &request) {
  llvm::outs() << "@" << func.getName() << "\n";
  std::vector<Tensor> results;
  Failure failure;
  if (!interpret(func, {}, request.sizes, request.options, results, failure))
    return print(failure);
  for (const Tensor &t : results)
    print(t);
}

static Elem elemOf(Type type) {
  return type.isF32()         ? Elem::F32
         : type.isF64()       ? Elem::F64
         : type.isBF16()      ? Elem::BF16
         : type.isF16()       ? Elem::F16
         : type.isInteger(32) ? Elem::I32
         : type.isInteger(1)  ? Elem::Bool
                              : Elem::Int;
}

static Tensor zeroArgument(func::FuncOp func, unsigned k, const Request &request) {
  Type type = func.getArgument(k).getType();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return Tensor::zeros(elemOf(type), {});
  std::vector<int64_t> dims(tensor.getShape());
  auto shape = func.getArgAttrOfType<AffineMapAttr>(k, seq::kShapeAttr);
  auto names = func->getAttrOfType<ArrayAttr>(seq::kSizesAttr);
  if (shape && names) {
    SmallVector<Attribute> sizes;
    Builder b(func.getContext());
    for (auto name : names.getAsRange<StringAttr>()) {
      auto it = request.sizes.find(name.str());
      sizes.push_back(b.getIndexAttr(it == request.sizes.end() ? 0 : it->second));
    }
    SmallVector<Attribute> folded;
    if (succeeded(shape.getValue().constantFold(sizes, folded)))
      for (auto [d, value] : llvm::zip(dims, folded))
        d = cast<IntegerAttr>(value).getInt();
  }
  return Tensor::zeros(elemOf(tensor.getElementType()), dims);
}

static void printCount(llvm::StringRef name, double counted, const seq::analysis::Formula &formula,
                       const Request &request) {
  llvm::outs() << name << " " << llvm::format("%.15g", counted) << " "
               << llvm::format("%.15g", formula.at(request.sizes)) << " = " << formula.str()
               << "\n";
}

/// Runs the function on zeros and prints what it did beside what the analysis says.
static void count(func::FuncOp func, const Request &request) {
  llvm::outs() << "@" << func.getName() << "\n";
  std::vector<Tensor> arguments, results;
  for (unsigned k = 0; k < func.getNumArguments(); ++k)
    arguments.push_back(zeroArgument(func, k, request));
  std::vector<const Tensor *> pointers;
  for (const Tensor &t : arguments)
    pointers.push_back(&t);
  Counts counts;
  Options options = request.options;
  options.counts = &counts;
  Failure failure;
  if (!interpret(func, pointers, request.sizes, options, results, failure))
    return print(failure);
  seq::analysis::Work work = seq::analysis::workOf(func);
  std::vector<double> counted;
  counts.operations.forEach([&](const char *, double n) { counted.push_back(n); });
  size_t k = 0;
  work.operations.forEach([&](const char *name, const seq::analysis::Formula &f) {
    printCount(name, counted[k++], f, request);
  });
  printCount("stored", counts.stored, work.stored, request);
  if (work.atMost)
    llvm::outs() << "at most\n";
}

int seq::interpretMain(int argc, char **argv, DialectRegistry &registry) {
  Request request;
  if (!parseCommand(argc, argv, request)) {
    llvm::errs()
        << "usage: seq-opt --seq-interpret [--f64] [--count] [--only NAME] [--size T=3]... FILE\n";
    return 2;
  }
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceFile<ModuleOp>(request.file, &context);
  if (!module)
    return 1;
  for (auto func : module->getOps<func::FuncOp>())
    if (request.count && (request.only.empty() || func.getName() == request.only))
      count(func, request);
    else if (func.getNumArguments() == 0 &&
             (request.only.empty() || func.getName() == request.only))
      run(func, request);
  return 0;
}
