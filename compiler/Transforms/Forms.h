//===- Forms.h - Forms that are derived from a step ----------------------------------------===//
//
// One interface for all: a form takes a scan with its classes and writes ops with the same
// results before it. Each says first whether it can.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_FORMS_H
#define SEQC_TRANSFORMS_FORMS_H

#include "compiler/Analysis/Recurrence.h"

#include <string>

namespace seq {

/// Why a form cannot be: the state, and what is in the way. Empty: it can.
struct Refusal {
  unsigned state = 0;
  std::string why;
  explicit operator bool() const { return !why.empty(); }
};

/// `scan`: the sequence in at most 16 blocks. What each block does to the states that
/// enter it is found for all blocks at once, then applied from block to block, then all
/// blocks run with the states that enter them. `two-level`, with a `chunk`: inside of its block
/// each runs by chunks of so many steps, which it has to be able to.
Refusal canRunInBlocks(ScanOp scan, const analysis::Recurrence &r);
/// The scan's results; the scan stays for the caller to erase.
llvm::SmallVector<mlir::Value> runInBlocks(ScanOp scan, analysis::Recurrence &r, int64_t chunk);

/// `chunked`: C3 and C4 states cross a chunk of steps by matrix products, the others step
/// by step inside of the chunk.
enum class PastEnd {
  Clamped, ///< a last chunk that is short repeats the last step
  Repeats, ///< the same, which the step does of itself when it is given a later index
  Never    ///< the sequence is a whole number of chunks
};
struct ChunkOptions {
  int64_t chunk;        ///< steps
  llvm::StringRef form; ///< by which explanations find the scan; "": it is none of the program's
  PastEnd past = PastEnd::Clamped;
};
Refusal canRunInChunks(ScanOp scan, analysis::Recurrence &r);
llvm::SmallVector<mlir::Value> runInChunks(ScanOp scan, analysis::Recurrence &r,
                                           const ChunkOptions &options);

/// Marks a scan that a form makes: its steps are tiles.
void notePart(ScanOp scan);
/// Lets explanations find the user's scan in the one that stands for it.
void noteForm(ScanOp scan, ScanOp derived, llvm::StringRef form);

} // namespace seq

#endif
