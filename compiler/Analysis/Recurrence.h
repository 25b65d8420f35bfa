//===- Recurrence.h - Classes of recurrences ------------------------------------------===//
//
// The states of a scan fall into components that read each other; taken in order, those
// before a component are known sequences to it. Each component has a class:
//
//   C0  its old value is not read: no recurrence
//   C1  a delay: the new value reads no state of its component, or only shifts it along an axis
//   C2  diagonal:  s'[i] = a[i] s[i] + b[i]
//   C3  diagonal, written with outer products: s'[a, b] = d[a] s[a, b] + Σ k[a] v[b]
//   C4  C2 or C3 with a correction of low rank:  … + Σ A[a] Σ_a' B[a'] s[a', b]
//   C5  affine otherwise: dense, permuted, or several states coupled
//   C6  affine over (max, +), (min, +) or (logsumexp, +)
//   C7  nonlinear
//
// docs/Derivation.md has the algebra.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_RECURRENCE_H
#define SEQC_ANALYSIS_RECURRENCE_H

#include "compiler/Analysis/Step.h"

#include <memory>
#include <string>

namespace seq::analysis {

enum class Class { C0, C1, C2, C3, C4, C5, C6, C7 };
llvm::StringRef name(Class c);
/// "diagonal", "outer products", …
llvm::StringRef title(Class c);

/// A functional that reads the state along the key axis, and where it is added:
/// Σ A[a] · Σ_a' B[a'] s[a', b].
struct LowRank {
  Product read;                         ///< B, at the contracted variable
  llvm::SmallVector<Product, 2> writes; ///< A, at the key's variable
};

/// The next value of one state.
struct StateForm {
  unsigned state;
  Exprs vars; ///< the indices of its axes
  Form form;
};

/// An axis that outer products and reads may contract, and the axes that are columns then.
struct KeyAxis {
  unsigned key;
  llvm::SmallVector<unsigned, 2> columns;
};

/// The factors of a C2, C3 or C4 component of one state.
struct Factors {
  llvm::SmallVector<Product, 2> decay; ///< summed: the diagonal coefficient
  llvm::SmallVector<LowRank, 2> ranks; ///< C4
  /// C3: every axis that could be the key, likely ones first. C4: the one that is read along.
  llvm::SmallVector<KeyAxis, 2> keys;
  ExprRef contracted = nullptr; ///< C4: the variable of reads
};

struct Component {
  Class cls = Class::C7;
  llvm::SmallVector<unsigned, 2> states;
  llvm::SmallVector<StateForm, 2> next; ///< without C0, C1 of several reads, and C7
  ReduceKind semiring = ReduceKind::sum;
  Factors factors;
  Cause cause; ///< C7
  /// C7: the class of each state, were what is nonlinear free of the component; none where
  /// nothing of a recurrence would be left.
  llvm::SmallVector<std::optional<Class>, 2> hints;
};

struct Recurrence {
  std::unique_ptr<ExprContext> context;
  std::vector<Component> components; ///< in topological order: known ones first

  const Component &of(unsigned state) const;
};

/// For each state, the states that its next value reads, itself perhaps among them.
std::vector<llvm::SmallVector<unsigned>> statesRead(ScanOp scan);

/// Classifies every state of the scan. The step may be anything; nothing is changed.
Recurrence classify(ScanOp scan);

} // namespace seq::analysis

#endif
