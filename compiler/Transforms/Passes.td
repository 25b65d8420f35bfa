//===- Passes.td - Transforms of the seq dialect ------------------*- tablegen -*-===//
#ifndef SEQ_PASSES_TD
#define SEQ_PASSES_TD

include "mlir/Pass/PassBase.td"

def SeqClassify : Pass<"seq-classify", "::mlir::func::FuncOp"> {
  let summary = "notes the class of every state";
  let description = [{
    Each scan gets an attribute `seq.classes`: for each state its class C0 to C7, its
    component, its factors as places of the program, the rank of a C4, and of a C7 the op that made it nonlinear, the state that this
    read, and the class that it would have without.

    Precondition: the step as the program has it; attention and convolution found are
    nonlinear. Changes nothing else.
  }];
}

def SeqForm : Pass<"seq-form", "::mlir::func::FuncOp"> {
  let summary = "runs scans in a form that is derived from their step";
  let description = [{
    A scan of the function's own block becomes the form that is asked for, or, with none asked
    for, the one that the cost model (Cost.h) prefers at `sizes`, where these are given: that of the
    machine for which the pass is made, or of a CPU for a call of `batch` sequences on `threads`. With `tell` each scan gets an attribute `seq.candidates`, with all forms and costs.
    - `sequential`: as it stands;
    - `scan`: in at most 16 blocks of time, which are summarised at once, chained, and run at
      once (C0 to C6);
    - `chunked`: chunk by chunk, C3 and C4 states by matrix products;
    - `two-level`: in blocks, each of which runs chunk by chunk.

    Precondition: `seq-classify`. A scan that cannot have the form keeps its own, with the
    attribute `seq.refused` that says which state is in the way. A stream is left as it is: its
    pieces may be single steps.
  }];
  let options = [
    Option<"form", "form", "std::string", "\"\"", "the form to use where it is one">,
    Option<"sizes", "sizes", "std::string", "\"\"", "sizes to expect: K=64,V=32">,
    Option<"threads", "threads", "int64_t", "1", "threads to expect">,
    Option<"batch", "batch", "int64_t", "1", "sequences of a call to expect">,
    Option<"tell", "tell", "bool", "false", "note all forms that scans could have, and their costs">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqRaise : Pass<"seq-raise", "::mlir::func::FuncOp"> {
  let summary = "finds attention and convolution";
  let description = [{
    A sum over one index of products in which one factor is a softmax along that index
    becomes a `seq.attention`, the softmax's score and presence with it. A sum of products
    in which one factor is read at affine places that move with an index of the sum and
    one around it becomes a `seq.conv`.

    Several such sums of one softmax are several ops, each with the score. A sum over a
    sequence whose terms have a factor that is made for each row and key, of what is given for
    rows and for keys alone, becomes a linear `seq.attention`, so that the factor need not be kept.

    Precondition: none. Leaves a softmax that anything else reads too, one that normalises
    over several indices, and sums over other points than the softmax has: a domain of
    their own would have to keep its weights.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqTileAttention : Pass<"seq-tile-attention", "::mlir::func::FuncOp"> {
  let summary = "computes attention in tiles, so that no weights are kept";
  let description = [{
    A `seq.attention` becomes a scan without states over blocks of its rows, and in its step
    scans over blocks of keys whose states are, for each row, the largest score so far, the sum of the weights
    below it and the weighted sums of the values. Blocks that the affine part of the
    presence leaves without a point are not visited, and those that it fills are computed without
    a mask. The scans are marked `seq.tile`.

    Precondition: none. Leaves attention in the step of a scan, and over a constant number of
    keys that is no larger than a block; `seq-decompose` takes these apart.
  }];
  let options = [
    Option<"rows", "rows", "int64_t", "36", "rows of a block: 36 for a CPU, 64 for a GPU's block">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqFourierConv : Pass<"seq-fourier-conv", "::mlir::func::FuncOp"> {
  let summary = "computes long convolutions by transforms of blocks";
  let description = [{
    A `seq.conv` whose kernel is long and the same for all steps becomes a scan without states over
    tiles of its channels, marked `seq.tile`: kernel and input are transformed in blocks, multiplied at each
    frequency and summed, and transformed back. Where results are not finite, and sequences
    that turn out to be short, are computed directly.

    Precondition: `seq-raise`. Leaves convolutions in the step of a scan, those over several indices, with
    strides, dilations, kernels that change with the step, conditions that bound neither the
    place nor the kernel, and short ones.
  }];
  let options = [
    Option<"form", "form", "std::string", "\"\"", "`direct` or `fft`; empty: the cheaper one">,
    Option<"sizes", "sizes", "std::string", "\"\"", "sizes to expect: T=4096">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqDecompose : Pass<"seq-decompose", "::mlir::func::FuncOp"> {
  let summary = "takes attention, convolution, softmax and logsumexp apart";
  let description = [{
    `seq.attention` becomes weights, the exponentials of the scores above each row's
    largest, over the indices that score and presence use, and sums of weights and of
    weighted values (a linear one weights that are the scores, and sums); `seq.conv` a map of sums of products.
    `seq.softmax` becomes a map of its scores, maps of the largest and of the sum of
    exponentials along the normalised indices, and a map of quotients. A `logsumexp`
    becomes a maximum and the logarithm of a sum, with an infinite maximum left out of the
    subtraction, so that equal infinities give no NaN.

    Precondition: none. Refuses nothing.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqNarrow : Pass<"seq-narrow", "::mlir::func::FuncOp"> {
  let summary = "keeps tensors in the 16 bits that they are rounded to";
  let description = [{
    A tensor of f32 that is read by what rounds to bf16 or f16 alone, or whose values have been
    rounded, holds them in that type; `arith.truncf` moves to where it is made. So do the yields of
    scans, and a copy that is no other any more goes away.

    Precondition: none. Leaves states of scans, which are not rounded from step to step.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqRoundFactors : Pass<"seq-round-factors", "::mlir::func::FuncOp"> {
  let summary = "rounds the factors of matrix products to 16 bits";
  let description = [{
    In a sum of products of f32, where each factor moves with an index of the map that the other one
    does not move with, both factors are rounded to `to` and widened again. Sums stay in f32.

    Precondition: none. Leaves products of f64, matrices by vectors, and extents that are known to
    be less than 8.
  }];
  let options = [Option<"to", "to", "std::string", "\"bf16\"", "`bf16` or `f16`">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqHoist : Pass<"seq-hoist", "::mlir::func::FuncOp"> {
  let summary = "moves what a step does not owe to its state out of the scan";
  let description = [{
    A reduction in a scan's step that reads no state, directly or through other ops of the
    step, becomes a map over the scan's index before the scan, read at the index inside:
    `w @ x[t]` becomes one matrix product over all steps. Elementwise work stays, since a
    tensor of time by state would be written and read for nothing. A map of the step that
    reads neither a state nor the index moves out as it is.

    Precondition: none. Leaves scans marked `seq.once`; reductions whose result would be as large as the state times
    time where they are only copies (no contraction), and everything but what is the same in
    each step where the scan is marked `seq.tile`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqSplitInvariant : Pass<"seq-split-invariant", "::mlir::func::FuncOp"> {
  let summary = "computes reductions and functions over the indices that they depend on, once";
  let description = [{
    Of an expression with a reduction, a function (`exp`, `tanh`, …) or a power, the largest part
    that does not use some index of its map, or of a reduction around it, becomes a map of its
    own over the indices that it uses, read back in the body:
    `y[t, c] = x[t, c] / sum[d](x[t, d])` sums once for each `t`, and
    `sigmoid(g[t, a]) * S[a, b]` evaluates the function once for each `(t, a)`.

    Precondition: none. Leaves what uses every index of more than one value; and in a
    reduction's body what may fail, and what would be a tensor larger than those that it reads.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqFuse : Pass<"seq-fuse", "::mlir::func::FuncOp"> {
  let summary = "joins maps, so that what one makes the next reads in a register";
  let description = [{
    Three rules, until none applies:
    1. A map without reductions and without costly functions is evaluated where it is read;
       one with costly functions where a single read wants it.
    2. Maps of one block over the same ranges join into one with several results, where the
       later one reads the earlier only at its own point.
    3. A map with reductions is evaluated where it is read, if one map alone reads it and
       reads each of its points at most once (the slices of a `split`).

    Precondition: none. Never repeats a reduction.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqStream : Pass<"seq-stream", "::mlir::ModuleOp"> {
  let summary = "derives the function of a stream from that of a whole sequence";
  let description = [{
    For each function `f` a function `f_stream` of a piece of the sequence: the inputs of
    `f` with the steps of the piece, then the states before it; the results of `f` for
    these steps, then the states after it. The size `T.start` is the place of the piece's
    first step in the sequence; where it is 0, the states are not read. Where a state keeps every
    step, there is `f_step` too, for pieces of one step: a scan's only step stands in its place.

    Precondition: the module is as it was emitted; every argument has `seq.name` and
    `seq.shape`. Refuses a function that looks ahead, and one whose time it does not
    understand, with the place of the expression.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SeqTranspose : Pass<"seq-transpose", "::mlir::func::FuncOp"> {
  let summary = "copies an operand of a product so that vector lanes read it in order";
  let description = [{
    In a map of the function with reductions, a tensor that is read across its last axis
    along the map's last index, and again for other points of the map, is copied with that
    axis last: `q[i, k] x[j, k]` summed over `k` reads `t[k, j]` instead. So are tensors of the
    function that maps in a `seq.tile` scan read, in blocks of a tile's width: `t[b, k, j]`.

    Precondition: after `seq-fuse`, which would undo it. Leaves parameters of maps of the function (they are packed),
    reads with a guard or a check, maps with a reduction's read that would gather all the
    same, and operands that fewer than 8 points share.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif
