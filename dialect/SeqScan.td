//===- SeqScan.td - Recurrences ----------------------------------*- tablegen -*-===//
#ifndef SEQ_SCAN_TD
#define SEQ_SCAN_TD

include "dialect/SeqOps.td"

def Seq_ScanOp : Seq_Op<"scan", [Pure, SingleBlockImplicitTerminator<"NextOp">]> {
  let summary = "a recurrence, given by its step";
  let description = [{
    With `s` the states, `(s(t+1), y(t)) = body(t, s(t))` for t = 0 … n−1 from
    `s(0) = inits` (reverse: t = n−1 … 0). Results: the yields stacked along a new
    leading axis at t, then the final states. Over no steps these are the initial ones.

    Constraints:
    1. The region has one block: the index, then one tensor for each state.
    2. A state's type is its initial value's, and the type of its next value.
    3. The results are the yields' types with a leading axis, then the states' types.
    4. The body ends in a `seq.next`.

    ```mlir
    %y, %hT = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
      %n = seq.map (%i) in (%c4) -> (tensor<4xf32>) { … }
      seq.next (%n) yield (%n) : (tensor<4xf32>) yield (tensor<4xf32>)
    }
    ```
  }];
  let arguments = (ins Index:$extent, Variadic<Seq_Tensor>:$inits, UnitAttr:$reverse,
                       OptionalAttr<StrArrayAttr>:$stateNames, OptionalAttr<StrAttr>:$axisName);
  let results = (outs Variadic<Seq_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    /// `body` receives the index and the states, and ends the block with a seq.next.
    OpBuilder<(ins "::mlir::Value":$extent, "::mlir::ValueRange":$inits, "::mlir::TypeRange":$yields, "bool":$reverse,
      CArg<"::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::Value, ::mlir::ValueRange)>", "nullptr">:$body)>,
    OpBuilder<(ins "::mlir::TypeRange":$resultTypes, "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attributes)>];
  let extraClassDeclaration = [{
    ::mlir::Block *bodyBlock() { return &getBody().front(); }
    ::mlir::Value index() { return bodyBlock()->getArgument(0); }
    ::mlir::Block::BlockArgListType states() { return bodyBlock()->getArguments().drop_front(); }
    NextOp next();
    unsigned numYields() { return getNumResults() - getInits().size(); }
    ::mlir::ResultRange yieldResults() { return getResults().take_front(numYields()); }
    ::mlir::ResultRange stateResults() { return getResults().drop_front(numYields()); }
  }];
}

def Seq_NextOp : Seq_Op<"next", [Pure, Terminator, AttrSizedOperandSegments, HasParent<"ScanOp">]> {
  let summary = "the states after a step, and what the step yields";
  let description = [{
    Ends the body of a `seq.scan`. A body that yields nothing writes no `yield`.

    ```mlir
    seq.next (%h) yield (%o) : (tensor<4xf32>) yield (tensor<4xf32>)
    ```
  }];
  let arguments = (ins Variadic<Seq_Tensor>:$states, Variadic<Seq_Tensor>:$yields);
  let hasCustomAssemblyFormat = 1;
  let builders = [OpBuilder<(ins), [{ }]>];
}

#endif
