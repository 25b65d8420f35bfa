//===- Math64.h - Functions of doubles without a library ------------------------------===//
#ifndef SEQC_LOWERING_COMMON_MATH64_H
#define SEQC_LOWERING_COMMON_MATH64_H

#include "compiler/Lowering/Common/Code.h"

namespace seq::lowering {

/// A polynomial in x, the constant term first; of vectors and f32 too.
Value horner(Code &c, Value x, llvm::ArrayRef<double> coefficients);
/// exp, log, expm1, log1p, tanh, erf, sin, cos or pow of scalars of f64.
Value emitF64(Code &c, llvm::StringRef name, ValueRange args);
/// C's fmod of scalars of f64, exact where |x / y| < 2⁵³.
Value emitF64Remainder(Code &c, Value x, Value y);

} // namespace seq::lowering

#endif
