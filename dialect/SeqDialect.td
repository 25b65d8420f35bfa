//===- SeqDialect.td - The seq dialect -------------------------*- tablegen -*-===//
#ifndef SEQ_DIALECT_TD
#define SEQ_DIALECT_TD

include "mlir/IR/OpBase.td"

def Seq_Dialect : Dialect {
  let name = "seq";
  let cppNamespace = "::seq";
  let summary = "Sequence models: maps, reductions and recurrences of one sequence";
  let description = [{
    A function describes one sequence; there is no batch. Tensors are values. Work over
    indices is a `seq.map` whose body computes one point from scalars and `seq.read`s;
    a `seq.reduce` inside the body folds over further indices, skipping points that are
    absent; a `seq.scan` is a recurrence whose body is the step. Bodies have no control
    flow: what may not be evaluated everywhere is guarded by a predicate.

    Scalars are f32, f64, i32, i1 and index (literals, indices, sizes). Scalar arithmetic
    is `arith`; elementwise maths is `seq.unary` and `seq.power`. bf16 and f16 are what
    tensors may hold: `arith.extf` makes an f32 of what is read, `arith.truncf` rounds what
    is yielded.
  }];
}

class Seq_Op<string mnemonic, list<Trait> traits = []> : Op<Seq_Dialect, mnemonic, traits>;

#endif
