//===- Descriptor.cpp - From a checked program to its descriptor ----------------===//
#include "compiler/Codegen/Descriptor.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>
#include <optional>

using namespace seq::typed;

namespace seq::codegen {

int dtypeOf(Elem elem) {
  switch (elem) {
  case Elem::F32:
    return SEQ_F32;
  case Elem::F64:
    return SEQ_F64;
  case Elem::BF16:
    return SEQ_BF16;
  case Elem::F16:
    return SEQ_F16;
  case Elem::Bool:
    return SEQ_BOOL;
  case Elem::I32:
  case Elem::Int:
    return SEQ_I32;
  }
  return SEQ_F32;
}

const char *Descriptor::text(llvm::StringRef s) {
  char *p = arena.Allocate<char>(s.size() + 1);
  if (!s.empty())
    std::memcpy(p, s.data(), s.size());
  p[s.size()] = 0;
  return p;
}

//===----------------------------------------------------------------------===//
// Sizes as postfix programs
//===----------------------------------------------------------------------===//

void Descriptor::emitAtom(const Size::Atom &atom, llvm::ArrayRef<const SizeSymbol *> sizes,
                          std::vector<seq_dim_op> &ops) {
  if (atom.kind == Size::Atom::Symbol) {
    if (const auto *it = llvm::find(sizes, atom.symbol); it != sizes.end())
      ops.push_back({SEQ_DIM_SIZE, it - sizes.begin()});
    else
      ops.push_back({SEQ_DIM_CONST, atom.symbol->value.value_or(0)});
    return;
  }
  emitDim(*atom.a, sizes, ops);
  emitDim(*atom.b, sizes, ops);
  ops.push_back({atom.kind == Size::Atom::FloorDiv ? SEQ_DIM_FLOORDIV : SEQ_DIM_MOD, 0});
}

void Descriptor::emitDim(const Size &size, llvm::ArrayRef<const SizeSymbol *> sizes,
                         std::vector<seq_dim_op> &ops) {
  bool first = true;
  for (const Size::Term &term : size.sum()) {
    bool any = term.coefficient != 1 || term.atoms.empty();
    if (any)
      ops.push_back({SEQ_DIM_CONST, term.coefficient});
    for (const Size::Atom &atom : term.atoms) {
      emitAtom(atom, sizes, ops);
      if (any)
        ops.push_back({SEQ_DIM_MUL, 0});
      any = true;
    }
    if (!first)
      ops.push_back({SEQ_DIM_ADD, 0});
    first = false;
  }
  if (first)
    ops.push_back({SEQ_DIM_CONST, 0});
}

seq_dim Descriptor::dim(const Size &size, llvm::ArrayRef<const SizeSymbol *> sizes) {
  std::vector<seq_dim_op> ops;
  emitDim(size.withStatics(), sizes, ops);
  return {copy<seq_dim_op>(ops), int64_t(ops.size())};
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static std::string shapeText(llvm::ArrayRef<Size> shape) {
  std::string s = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    s += (i ? ", " : "") + shape[i].str();
  return s + "]";
}

seq_tensor_desc Descriptor::tensor(const std::string &name, const Type &type,
                                   llvm::ArrayRef<const SizeSymbol *> sizes) {
  std::vector<seq_dim> dims;
  for (const Size &s : type.shape)
    dims.push_back(dim(s, sizes));
  return {text(name),          dtypeOf(type.elem),          int32_t(dims.size()),
          copy<seq_dim>(dims), text(shapeText(type.shape)), nullptr};
}

seq_tensor_desc Descriptor::weight(const EntryWeight &weight) {
  std::vector<seq_dim> dims;
  for (int64_t n : weight.shape) {
    seq_dim_op op = {SEQ_DIM_CONST, n};
    dims.push_back({copy<seq_dim_op>(op), 1});
  }
  std::string shape = weight.info ? shapeText(weight.info->type.shape) : "";
  return {text(weight.name),   dtypeOf(weight.elem), int32_t(dims.size()),
          copy<seq_dim>(dims), text(shape),          nullptr};
}

/// The value of a default that is a constant, as defaults are.
static std::optional<double> constantOf(const Expr *e) {
  if (!e)
    return std::nullopt;
  switch (e->kind) {
  case ExprKind::FloatConst:
    return e->floating;
  case ExprKind::IntConst:
  case ExprKind::BoolConst:
    return double(e->integer);
  case ExprKind::SizeValue:
    if (auto v = e->size.evaluate())
      return double(*v);
    return std::nullopt;
  case ExprKind::Convert:
  case ExprKind::Broadcast:
    return constantOf(e->a.get());
  case ExprKind::Unary: {
    auto a = constantOf(e->a.get());
    return a ? std::optional(e->text == "-" ? -*a : double(*a == 0)) : std::nullopt;
  }
  case ExprKind::Binary: {
    auto a = constantOf(e->a.get()), b = constantOf(e->b.get());
    if (!a || !b || !isFloat(e->type().elem))
      return std::nullopt;
    switch (e->text.empty() ? 0 : e->text[0]) {
    case '+':
      return *a + *b;
    case '-':
      return *a - *b;
    case '*':
      return e->text == "**" ? std::pow(*a, *b) : *a * *b;
    case '/':
      return *a / *b;
    }
    return std::nullopt;
  }
  default:
    return std::nullopt;
  }
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// A sequence size leads an input.
static bool leadsAnInput(const seq_function_desc &fn, int32_t size) {
  for (int32_t i = 0; i < fn.n_inputs; ++i) {
    const seq_tensor_desc &t = fn.inputs[i];
    if (t.rank > 0 && t.dims[0].n == 1 && t.dims[0].ops[0].op == SEQ_DIM_SIZE &&
        t.dims[0].ops[0].value == size)
      return true;
  }
  return false;
}

void Descriptor::describeSizes(seq_function_desc &out, llvm::ArrayRef<const SizeSymbol *> sizes) {
  std::vector<const char *> names;
  std::vector<int32_t> sequence;
  for (size_t i = 0; i < sizes.size(); ++i) {
    names.push_back(text(sizes[i]->name));
    sequence.push_back(leadsAnInput(out, int32_t(i)));
  }
  out.n_sizes = int32_t(sizes.size());
  out.size_names = copy<const char *>(names);
  out.size_is_sequence = copy<int32_t>(sequence);
}

seq_function_desc Descriptor::describe(const Program &program, const FunctionInstance &fn) {
  seq_function_desc out = {};
  std::vector<const SizeSymbol *> sizes;
  for (const SizeSymbol *s : fn.symbols)
    if (!s->isStatic)
      sizes.push_back(s);
  std::vector<seq_tensor_desc> inputs, outputs;
  for (const ParamInfo &p : fn.params) {
    inputs.push_back(tensor(p.var->name, p.var->type, sizes));
    if (auto v = constantOf(p.init.get()))
      inputs.back().default_value = copy<double>(*v);
  }
  for (const ResultInfo &r : fn.results)
    outputs.push_back(tensor(r.name, r.type, sizes));
  out.name = text(program.layer ? fn.name : "forward");
  out.n_inputs = int32_t(inputs.size());
  out.n_outputs = int32_t(outputs.size());
  out.inputs = copy<seq_tensor_desc>(inputs);
  out.outputs = copy<seq_tensor_desc>(outputs);
  describeSizes(out, sizes);
  return out;
}

Descriptor::Descriptor(const Program &program, size_t count) {
  std::vector<seq_tensor_desc> params;
  for (const EntryWeight &w : program.weights)
    params.push_back(weight(w));
  for (size_t i = 0; i < std::min(count, program.functions.size()); ++i)
    functions.push_back(describe(program, *program.functions[i]));
  desc.magic = SEQ_ABI_MAGIC;
  desc.abi_version = SEQ_ABI_VERSION;
  desc.name = text(program.entryName);
  desc.n_params = int32_t(params.size());
  desc.n_functions = int32_t(functions.size());
  desc.params = copy<seq_tensor_desc>(params);
  desc.functions = functions.data();
}

void Descriptor::setPlaces(size_t function, llvm::ArrayRef<lowering::Place> places) {
  std::vector<seq_place> out;
  for (const lowering::Place &p : places)
    out.push_back({text(p.file), int32_t(p.line), int32_t(p.column), p.kind, text(p.what)});
  functions[function].places = copy<seq_place>(out);
  functions[function].n_places = int32_t(out.size());
}

void Descriptor::setVariants(size_t function, llvm::ArrayRef<seq_variant> variants) {
  functions[function].variants = copy<seq_variant>(variants);
  functions[function].n_variants = int32_t(variants.size());
}

} // namespace seq::codegen
