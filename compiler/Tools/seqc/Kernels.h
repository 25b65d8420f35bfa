//===- Kernels.h - What kernels did in the simulator ---------------------------------===//
#ifndef SEQC_TOOLS_SEQC_KERNELS_H
#define SEQC_TOOLS_SEQC_KERNELS_H

#include "runtime/GpuSim/Device.h"

#include <string>
#include <vector>

namespace seq::tool {

/// Counts of one kernel, or of all of a call's.
struct KernelCounts {
  std::string name;
  int threads = 0; ///< of a block
  seq_sim_counts counts = {};
};

/// The kernels of `desc` that were launched since counting was switched on, in the order of their
/// numbers.
std::vector<KernelCounts> kernelCounts(const seq_sim *sim, const seq_model_desc &desc);
/// All of them together.
seq_sim_counts sumOf(const std::vector<KernelCounts> &kernels);

/// Every count with its name in reports, in their order.
template <class F> void forEachCount(const seq_sim_counts &c, F f) {
  f("launches", c.launches);
  f("blocks", c.blocks);
  f("threads", c.threads);
  f("barriers", c.barriers);
  f("global_loads", c.global_loads);
  f("global_stores", c.global_stores);
  f("sectors_read", c.sectors_read);
  f("sectors_written", c.sectors_written);
  f("shared_requests", c.shared_requests);
  f("bank_conflicts", c.bank_conflicts);
  f("atomics", c.atomics);
  f("shuffles", c.shuffles);
  f("mma", c.mma);
}

/// `"kernels": [{"name": …}, …], "sums": {…}`.
std::string kernelCountsJson(const std::vector<KernelCounts> &kernels);

} // namespace seq::tool

#endif
