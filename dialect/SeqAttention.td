//===- SeqAttention.td - Attention and convolution ----------------*- tablegen -*-===//
//
// Each says nothing that maps, reductions and a softmax do not say. They exist because
// their forms (online softmax over tiles; register windows, FFT) belong to the whole and
// to none of its parts.
//
//===----------------------------------------------------------------------===//
#ifndef SEQ_ATTENTION_TD
#define SEQ_ATTENTION_TD

include "dialect/SeqScan.td"

class Seq_IndexOp<string mnemonic> : Seq_Op<mnemonic, [Pure, SingleBlockImplicitTerminator<"YieldOp">]> {
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
}

def Seq_AttentionOp : Seq_IndexOp<"attention"> {
  let summary = "means of values, weighted by the softmax of their scores, or sums weighted by them";
  let description = [{
    With `i` the leading indices and `j` the last one, the key's, and over the present
    points of row `i`: `m(i) = max_j s(i, j)`, `z(i) = Σ_j exp(s(i, j) − m(i))`,
    `result_r[i] = Σ_j exp(s(i, j) − m(i)) v_r(i, j) / z(i)`. A row without present
    points is 0. Leading indices that score and presence do not use are columns of the
    value. A key that is not present is not read: masks, windows and lengths are presence.
    With `linear` the scores are the weights: `result_r[i] = Σ_j s(i, j) v_r(i, j)`.
    With `normaliser` there are no values, and the one result is what normalises the weights:
    `m(i) + log z(i)`, −∞ for a row without present points.

    Constraints:
    1. The region has one block with one index argument for each extent, at least one.
    2. The body ends in a `seq.yield` of the score, then one value for each result (none, for
       the one result of `normaliser`), and optionally the presence.
    3. Score and values are floats of one type.
    4. A result has that element type and one axis for each leading index; a static
       dimension equals its extent where that is a constant.

    ```mlir
    %o = seq.attention (%i, %d, %j) in (%T, %D, %T) -> (tensor<?x?xf32>) {
      %s = seq.read %scores[%i, %j] : tensor<?x?xf32>
      %x = seq.read %v[%j, %d] : tensor<?x?xf32>
      %p = arith.cmpi sle, %j, %i : index
      seq.yield %s, %x : f32, f32 when %p
    }
    ```
  }];
  let arguments = (ins Variadic<Index>:$extents, UnitAttr:$linear, UnitAttr:$normaliser);
  let results = (outs Variadic<Seq_Tensor>:$results);
  let builders = [
    /// `elements`: one for each result.
    OpBuilder<(ins "::mlir::TypeRange":$elements, "::mlir::ValueRange":$extents,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::mlir::TypeRange":$resultTypes, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attributes)>];
  let extraClassDeclaration = [{
    ::mlir::Block *bodyBlock() { return &getBody().front(); }
    ::mlir::Block::BlockArgListType indices() { return bodyBlock()->getArguments(); }
    YieldOp yield();
    ::mlir::Value score() { return bodyBlock()->getTerminator()->getOperand(0); }
    ::mlir::Value key() { return bodyBlock()->getArguments().back(); }
  }];
}

def Seq_ConvOp : Seq_IndexOp<"conv"> {
  let summary = "sums of a kernel times a window that moves over an input";
  let description = [{
    With `i` the leading indices and `k` the last `reduced` ones:
    `result[i] = Σ_k { kernel(i, k) · input(i, k) : present(i, k) }`, where `input` reads a
    tensor at affine places, in some axis by leading and reduced indices together:
    `x[t − k]`, `x[s t + d k, c]`. A kernel that does not use the moving index is static,
    one that does is dynamic, one of the input's own length is long. Borders are presence.

    Constraints:
    1. The region has one block with one index argument for each extent.
    2. `1 ≤ reduced ≤` number of extents.
    3. The body ends in a `seq.yield` of kernel and input, floats of one type, and
       optionally the presence.
    4. The input is a `seq.read` without check, at places affine in the indices, one of
       which uses a leading and a reduced index. Its guard holds where the point is present.
    5. The result has that element type and one axis for each leading index; a static
       dimension equals its extent where that is a constant.

    ```mlir
    %y = seq.conv 1 (%t, %k) in (%T, %K) -> (tensor<?xf32>) {
      %w = seq.read %kernel[%k] : tensor<?xf32>
      %e = arith.subi %t, %k : index
      %p = arith.cmpi sge, %e, %c0 : index
      %x = seq.read %in[%e] if %p : tensor<?xf32>
      seq.yield %w, %x : f32, f32 when %p
    }
    ```
  }];
  let arguments = (ins I64Attr:$reduced, Variadic<Index>:$extents);
  let results = (outs Seq_Tensor:$result);
  let builders = [
    OpBuilder<(ins "int64_t":$reduced, "::mlir::Type":$element, "::mlir::ValueRange":$extents,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::mlir::TypeRange":$resultTypes, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attributes)>];
  let extraClassDeclaration = [{
    ::mlir::Block *bodyBlock() { return &getBody().front(); }
    ::mlir::Block::BlockArgListType indices() { return bodyBlock()->getArguments(); }
    YieldOp yield();
    /// Some axis of `read`, in a body over `leading` and `reduced`, moves with both.
    static bool isWindow(ReadOp read, ::mlir::ValueRange leading, ::mlir::ValueRange reduced);
  }];
}

#endif
