//===- SeqOps.td - Points: maps, reductions, reads --------------*- tablegen -*-===//
#ifndef SEQ_OPS_TD
#define SEQ_OPS_TD

include "dialect/SeqDialect.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Seq_Scalar : AnyTypeOf<[F32, F64, BF16, F16, I32, I1, Index], "a scalar of seq">;
def Seq_Integer : AnyTypeOf<[I32, Index], "an integer of seq">;
def Seq_Float : AnyTypeOf<[F32, F64], "a float of seq">;
def Seq_Tensor : RankedTensorOf<[F32, F64, BF16, F16, I32, I1, Index]>;

def Seq_ReduceKind : I32EnumAttr<"ReduceKind", "what a reduction computes", [
  I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"prod", 1>, I32EnumAttrCase<"max", 2>,
  I32EnumAttrCase<"min", 3>, I32EnumAttrCase<"mean", 4>, I32EnumAttrCase<"logsumexp", 5>,
  I32EnumAttrCase<"argmax", 6>, I32EnumAttrCase<"argmin", 7>, I32EnumAttrCase<"any", 8>,
  I32EnumAttrCase<"all", 9>]> {
  let cppNamespace = "::seq";
}

def Seq_UnaryKind : I32EnumAttr<"UnaryKind", "elementwise functions of one float", [
  I32EnumAttrCase<"exp", 0>, I32EnumAttrCase<"log", 1>, I32EnumAttrCase<"expm1", 2>,
  I32EnumAttrCase<"log1p", 3>, I32EnumAttrCase<"sqrt", 4>, I32EnumAttrCase<"rsqrt", 5>,
  I32EnumAttrCase<"abs", 6>, I32EnumAttrCase<"sign", 7>, I32EnumAttrCase<"floor", 8>,
  I32EnumAttrCase<"sin", 9>, I32EnumAttrCase<"cos", 10>, I32EnumAttrCase<"tanh", 11>,
  I32EnumAttrCase<"sigmoid", 12>, I32EnumAttrCase<"log_sigmoid", 13>,
  I32EnumAttrCase<"relu", 14>, I32EnumAttrCase<"silu", 15>, I32EnumAttrCase<"gelu", 16>,
  I32EnumAttrCase<"gelu_tanh", 17>, I32EnumAttrCase<"softplus", 18>,
  I32EnumAttrCase<"erf", 19>]> {
  let cppNamespace = "::seq";
}

def Seq_DivKind : I32EnumAttr<"DivKind", "floored division and its remainder", [
  I32EnumAttrCase<"div", 0>, I32EnumAttrCase<"mod", 1>]> {
  let cppNamespace = "::seq";
}

def Seq_SizeOp : Seq_Op<"size", [Pure]> {
  let summary = "a dynamic size of the function";
  let description = [{
    `size(name)` = the length that this sequence gives to the size `name`.

    Constraints:
    1. `name` is one of the enclosing function's `seq.sizes`.

    ```mlir
    %T = seq.size "T"
    ```
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs Index:$result);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}

def Seq_MapOp : Seq_Op<"map", [Pure, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "tensors by index notation";
  let description = [{
    `result_r[i1, …, in] = body_r(i1, …, in)` for `0 ≤ ik < extent_k`. A negative extent
    counts as 0. With no indices the results are tensors of rank 0.

    Constraints:
    1. The region has one block with one index argument for each extent.
    2. The body ends in a `seq.yield` without presence, one scalar for each result.
    3. A result's rank is the number of extents; its element type is the scalar's; a
       static dimension equals its extent where that is a constant.

    ```mlir
    %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x?xf32>) {
      %v = seq.read %x[%t, %c] : tensor<?x?xf32>
      seq.yield %v : f32
    }
    ```
  }];
  let arguments = (ins Variadic<Index>:$extents);
  let results = (outs Variadic<Seq_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "::mlir::TypeRange":$elements, "::mlir::ValueRange":$extents,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::mlir::TypeRange":$resultTypes, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attributes)>];
  let extraClassDeclaration = [{
    ::mlir::Block *bodyBlock() { return &getBody().front(); }
    ::mlir::Block::BlockArgListType indices() { return bodyBlock()->getArguments(); }
    YieldOp yield();
    /// The tensor type of one result with elements of `element` over `extents`.
    static ::mlir::RankedTensorType resultType(::mlir::Type element, ::mlir::ValueRange extents);
  }];
}

def Seq_ReduceOp : Seq_Op<"reduce", [Pure, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "folds over the present points of an index range";
  let description = [{
    `result_r = fold_kind_r { body_r(k) : 0 ≤ k < extents, present(k) }`. Over nothing:
    sum 0, prod 1, max −∞, min +∞, logsumexp −∞, any false, all true, mean NaN; argmax
    and argmin fail (`what` names the expression), under a false guard they are any
    number. max and min hand on a NaN; argmax gives the first place of the largest, in
    row-major order of the indices, as i32.

    Constraints:
    1. The region has one block with one index argument for each extent, at least one.
    2. The body ends in a `seq.yield` with one scalar for each kind, and optionally the
       presence, shared by all.
    3. A result has the type of its scalar; argmax and argmin give i32; any and all fold i1.
    4. It stands in the body of an op over indices.
    5. Only argmax and argmin have a guard: an operand after the extents.

    ```mlir
    %a = seq.reduce [argmax] (%k) in (%K) if %g -> (i32) {…}
    %s = seq.reduce [sum] (%k) in (%K) -> (f32) {
      %v = seq.read %w[%k] : tensor<?xf32>
      %p = arith.cmpi slt, %k, %t : index
      seq.yield %v : f32 when %p
    }
    ```
  }];
  let arguments = (ins TypedArrayAttrBase<Seq_ReduceKind, "kinds">:$kinds,
                       Variadic<AnyTypeOf<[Index, I1]>>:$extentsAndGuard, OptionalAttr<StrAttr>:$what);
  let results = (outs Variadic<Seq_Scalar>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "ReduceKind":$kind, "::mlir::Type":$type, "::mlir::ValueRange":$extents,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::llvm::ArrayRef<ReduceKind>":$kinds, "::mlir::TypeRange":$types, "::mlir::ValueRange":$extents,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::mlir::TypeRange":$resultTypes, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attributes)>];
  let extraClassDeclaration = [{
    ::mlir::Block *bodyBlock() { return &getBody().front(); }
    ::mlir::Block::BlockArgListType indices() { return bodyBlock()->getArguments(); }
    YieldOp yield();
    ::mlir::OperandRange getExtents() { return getOperands().drop_back(getGuard() ? 1 : 0); }
    ::mlir::Value getGuard() {
      bool has = getNumOperands() && getOperands().back().getType().isInteger(1);
      return has ? getOperands().back() : ::mlir::Value();
    }
    void setGuard(::mlir::Value guard) {
      ::llvm::SmallVector<::mlir::Value> operands(getExtents());
      operands.push_back(guard);
      getOperation()->setOperands(operands);
    }
    ReduceKind kind(unsigned i) {
      return static_cast<ReduceKind>(::llvm::cast<::mlir::IntegerAttr>(getKinds()[i]).getInt());
    }
  }];
}

def Seq_SoftmaxOp : Seq_Op<"softmax", [Pure, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "normalises scores over the present points of its last indices";
  let description = [{
    With `i` the leading indices and `j` the last `reduced` ones, `m(i) = max_j s(i, j)` and
    `z(i) = Σ_j exp(s(i, j) − m(i))` over present points:
    `result[i, j] = exp(s(i, j) − m(i)) / z(i)` where present, 0 where absent.
    A row without present points is 0.

    Constraints:
    1. The region has one block with one index argument for each extent.
    2. `1 ≤ reduced ≤` number of extents.
    3. The body ends in a `seq.yield` of one float, and optionally the presence.
    4. The result has the scalar's element type and one axis for each extent.

    ```mlir
    %p = seq.softmax 1 (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
      %s = seq.read %x[%j] : tensor<?xf32>
      %c = arith.cmpi sle, %j, %i : index
      seq.yield %s : f32 when %c
    }
    ```
  }];
  let arguments = (ins I64Attr:$reduced, Variadic<Index>:$extents);
  let results = (outs Seq_Tensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "int64_t":$reduced, "::mlir::Type":$element, "::mlir::ValueRange":$extents,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::mlir::TypeRange":$resultTypes, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attributes)>];
  let extraClassDeclaration = [{
    ::mlir::Block *bodyBlock() { return &getBody().front(); }
    ::mlir::Block::BlockArgListType indices() { return bodyBlock()->getArguments(); }
    YieldOp yield();
  }];
}

def Seq_ReadOp : Seq_Op<"read", [Pure, AttrSizedOperandSegments,
    TypesMatchWith<"the result has the tensor's element type", "tensor", "result",
                   "::llvm::cast<::mlir::RankedTensorType>($_self).getElementType()">]> {
  let summary = "one element of a tensor";
  let description = [{
    `result = guard ? tensor[indices] : 0`. Where the guard is false nothing is read,
    whatever the indices are. With `check` an index outside of its axis under a true
    guard makes the call fail with the op's place, and the result is 0; without it the
    indices are inside wherever the guard is true.

    Constraints:
    1. There is one index for each axis.
    2. The result has the tensor's element type.

    ```mlir
    %v = seq.read %x[%t, %c] if %g : tensor<?x?xf32>
    ```
  }];
  let arguments = (ins Seq_Tensor:$tensor, Variadic<Index>:$indices, Optional<I1>:$guard,
                       OptionalAttr<StrAttr>:$check);
  let results = (outs Seq_Scalar:$result);
  let assemblyFormat = [{
    $tensor `[` $indices `]` (`if` $guard^)? (`check` $check^)? attr-dict `:` type($tensor)
  }];
  let hasVerifier = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Value":$tensor, "::mlir::ValueRange":$indices,
                   CArg<"::mlir::Value", "{}">:$guard, CArg<"::mlir::StringAttr", "{}">:$check)>];
}

def Seq_UnaryOp : Seq_Op<"unary", [Pure, SameOperandsAndResultType]> {
  let summary = "an elementwise function of one float";
  let description = [{
    `result = kind(x)`. sigmoid(x) = 1 / (1 + exp(−x)); log_sigmoid(x) = −softplus(−x);
    softplus(x) = log(1 + exp(x)); silu(x) = x sigmoid(x); relu hands on a NaN;
    gelu(x) = x (1 + erf(x / √2)) / 2; gelu_tanh(x) = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2;
    rsqrt(x) = 1 / √x; sign(±0) = 0. None overflows where its value does not.

    ```mlir
    %y = seq.unary sigmoid %x : f32
    ```
  }];
  let arguments = (ins Seq_UnaryKind:$kind, Seq_Float:$x);
  let results = (outs Seq_Float:$result);
  let assemblyFormat = "$kind $x attr-dict `:` type($x)";
}

def Seq_PowerOp : Seq_Op<"power", [Pure, AllTypesMatch<["base", "result"]>]> {
  let summary = "a power";
  let description = [{
    `result = base ** exponent`. An index exponent means products (by squaring; a negative
    one the reciprocal of the float product, and for integers 0, 1 or −1 by value); a float
    exponent C's `pow`.

    Constraints:
    1. The exponent has the base's type or is an index.

    ```mlir
    %y = seq.power %x, %n : f32, index
    ```
  }];
  let arguments = (ins Seq_Scalar:$base, Seq_Scalar:$exponent);
  let results = (outs Seq_Scalar:$result);
  let assemblyFormat = "$base `,` $exponent attr-dict `:` type($base) `,` type($exponent)";
  let hasVerifier = 1;
}

def Seq_IntDivOp : Seq_Op<"int_div", [Pure, AllTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = "floored integer division or remainder";
  let description = [{
    `div`: ⌊lhs / rhs⌋; `mod`: lhs − rhs ⌊lhs / rhs⌋, with the sign of rhs. Zero `rhs`
    under a true guard makes the call fail with the op's place; the result is then 0.
    The smallest integer by −1 wraps.

    ```mlir
    %q = seq.int_div div %a, %b if %g {what = "a / b"} : i32
    ```
  }];
  let arguments = (ins Seq_DivKind:$kind, Seq_Integer:$lhs, Seq_Integer:$rhs, Optional<I1>:$guard,
                       OptionalAttr<StrAttr>:$what);
  let results = (outs Seq_Integer:$result);
  let assemblyFormat = "$kind $lhs `,` $rhs (`if` $guard^)? attr-dict `:` type($lhs)";
}

def Seq_ToIntOp : Seq_Op<"to_int", [Pure]> {
  let summary = "a float truncated to i32";
  let description = [{
    `result = trunc(x)`. NaN or a value outside of i32 under a true guard makes the call
    fail with the op's place; the result is then 0.

    ```mlir
    %i = seq.to_int %x if %g {what = "i32(x)"} : f32
    ```
  }];
  let arguments = (ins Seq_Float:$x, Optional<I1>:$guard, OptionalAttr<StrAttr>:$what);
  let results = (outs I32:$result);
  let assemblyFormat = "$x (`if` $guard^)? attr-dict `:` type($x)";
}

def Seq_YieldOp : Seq_Op<"yield", [Pure, Terminator, AttrSizedOperandSegments,
    ParentOneOf<["MapOp", "ReduceOp", "SoftmaxOp", "AttentionOp", "ConvOp"]>]> {
  let summary = "the values of one point, and whether it is present";
  let description = [{
    Ends the body of an op over indices. Without presence the point is present.

    ```mlir
    seq.yield %v : f32 when %p
    ```
  }];
  let arguments = (ins Variadic<Seq_Scalar>:$values, Optional<I1>:$present);
  let assemblyFormat = "($values^ `:` type($values))? (`when` $present^)? attr-dict";
  let builders = [OpBuilder<(ins), [{ }]>,
    OpBuilder<(ins "::mlir::ValueRange":$values), [{ build($_builder, $_state, values, ::mlir::Value()); }]>];
}

#endif
