//===- DescriptorStream.cpp - What modules add to a descriptor -------------------------===//
#include "compiler/Codegen/Descriptor.h"

#include "dialect/Seq.h"

using namespace mlir;

namespace seq::codegen {

static void emitDim(AffineExpr expr, std::vector<seq_dim_op> &ops) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return ops.push_back({SEQ_DIM_CONST, constant.getValue()});
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return ops.push_back({SEQ_DIM_SIZE, symbol.getPosition()});
  auto binary = cast<AffineBinaryOpExpr>(expr);
  emitDim(binary.getLHS(), ops);
  emitDim(binary.getRHS(), ops);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return ops.push_back({SEQ_DIM_ADD, 0});
  case AffineExprKind::Mul:
    return ops.push_back({SEQ_DIM_MUL, 0});
  case AffineExprKind::Mod:
    return ops.push_back({SEQ_DIM_MOD, 0});
  default:
    return ops.push_back({SEQ_DIM_FLOORDIV, 0});
  }
}

/// As the language writes sizes; `outer` binds at least as tightly as the text needs.
static std::string dimText(AffineExpr expr, llvm::ArrayRef<std::string> sizes, bool inProduct) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return sizes[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  bool sum = expr.getKind() == AffineExprKind::Add;
  const char *sign = sum                                     ? " + "
                     : expr.getKind() == AffineExprKind::Mul ? " * "
                     : expr.getKind() == AffineExprKind::Mod ? " % "
                                                             : " / ";
  std::string text =
      dimText(binary.getLHS(), sizes, !sum) + sign + dimText(binary.getRHS(), sizes, !sum);
  return sum && inProduct ? "(" + text + ")" : text;
}

static int dtypeOf(Type type) {
  Type element = cast<RankedTensorType>(type).getElementType();
  if (element.isInteger(1))
    return SEQ_BOOL;
  return element.isF32()    ? SEQ_F32
         : element.isF64()  ? SEQ_F64
         : element.isBF16() ? SEQ_BF16
         : element.isF16()  ? SEQ_F16
                            : SEQ_I32;
}

seq_dim Descriptor::dim(AffineExpr expr) {
  std::vector<seq_dim_op> ops;
  seq::codegen::emitDim(expr, ops);
  return {copy<seq_dim_op>(ops), int64_t(ops.size())};
}

seq_tensor_desc Descriptor::tensor(llvm::StringRef name, Type type, AffineMap shape,
                                   llvm::ArrayRef<std::string> sizes) {
  std::vector<seq_dim> dims;
  std::string shapeText = "[";
  for (AffineExpr axis : shape.getResults()) {
    dims.push_back(dim(axis));
    shapeText += (shapeText.size() > 1 ? ", " : "") + dimText(axis, sizes, false);
  }
  return {text(name),          dtypeOf(type),         int32_t(dims.size()),
          copy<seq_dim>(dims), text(shapeText + "]"), nullptr};
}

void Descriptor::addStream(func::FuncOp stream) {
  const seq_function_desc &forward = functions.front();
  seq_function_desc out = {};
  std::vector<std::string> sizes;
  std::vector<const char *> names;
  std::vector<int32_t> sequence;
  for (Attribute name : stream->getAttrOfType<ArrayAttr>(kSizesAttr)) {
    sizes.push_back(cast<StringAttr>(name).str());
    names.push_back(text(sizes.back()));
    size_t k = sequence.size();
    sequence.push_back(k < size_t(forward.n_sizes) ? forward.size_is_sequence[k] : 0);
    if (sizes.back() + ".start" == stream->getAttrOfType<StringAttr>(kPositionAttr))
      out.time = int32_t(k);
  }
  std::vector<seq_tensor_desc> inputs, outputs;
  for (unsigned k = 0; k < stream.getNumArguments(); ++k) {
    if (stream.getArgAttr(k, kWeightAttr))
      continue;
    out.n_states += stream.getArgAttr(k, kStateAttr) != nullptr;
    inputs.push_back(tensor(
        stream.getArgAttrOfType<StringAttr>(k, kNameAttr).getValue(), stream.getArgumentTypes()[k],
        stream.getArgAttrOfType<AffineMapAttr>(k, kShapeAttr).getValue(), sizes));
    if (inputs.size() <= size_t(forward.n_inputs))
      inputs.back().default_value = forward.inputs[inputs.size() - 1].default_value;
  }
  for (unsigned k = 0; k < stream.getNumResults(); ++k)
    outputs.push_back(tensor(
        stream.getResultAttrOfType<StringAttr>(k, kNameAttr).getValue(), stream.getResultTypes()[k],
        stream.getResultAttrOfType<AffineMapAttr>(k, kShapeAttr).getValue(), sizes));
  bool step = stream->hasAttr(kStepAttr);
  out.name = step ? "step" : "stream";
  out.is_stream = step ? SEQ_STREAM_STEP : SEQ_STREAM_PIECE;
  out.n_sizes = int32_t(names.size());
  out.n_inputs = int32_t(inputs.size());
  out.n_outputs = int32_t(outputs.size());
  out.size_names = copy<const char *>(names);
  out.size_is_sequence = copy<int32_t>(sequence);
  out.inputs = copy<seq_tensor_desc>(inputs);
  out.outputs = copy<seq_tensor_desc>(outputs);
  setRequirements(out, stream);
  functions.push_back(out);
  desc.n_functions = int32_t(functions.size());
  desc.functions = functions.data();
}

void Descriptor::setRequirements(seq_function_desc &out, func::FuncOp func) {
  std::vector<seq_requirement> all;
  auto attr = func->getAttrOfType<ArrayAttr>(kRequiresAttr);
  for (Attribute entry : attr ? attr.getValue() : ArrayRef<Attribute>()) {
    auto of = cast<DictionaryAttr>(entry);
    AffineMap sizes = of.getAs<AffineMapAttr>("sizes").getValue();
    seq_place place = {"", 0, 0, SEQ_FAIL_REQUIRED, text(of.getAs<StringAttr>("what").getValue())};
    if (auto at = of.getAs<FileLineColRange>("place")) {
      place.file = text(at.getFilename().getValue());
      place.line = int32_t(at.getStartLine());
      place.column = int32_t(at.getStartColumn());
    }
    all.push_back({dim(sizes.getResult(0)), dim(sizes.getResult(1)),
                   text(of.getAs<StringAttr>("text").getValue()), place, of.contains("equal"), 0});
  }
  out.n_requirements = int32_t(all.size());
  out.requirements = copy<seq_requirement>(all);
}

void Descriptor::addModule(ModuleOp module) {
  size_t own = 0;
  for (func::FuncOp func : module.getOps<func::FuncOp>())
    if (func->hasAttr(kPositionAttr))
      addStream(func);
    else if (own < functions.size())
      setRequirements(functions[own++], func);
}

} // namespace seq::codegen
