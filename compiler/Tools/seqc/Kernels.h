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
struct CountField {
  const char *name;
  int64_t seq_sim_counts::*value;
};
inline constexpr CountField kCountFields[] = {{"launches", &seq_sim_counts::launches},
                                              {"blocks", &seq_sim_counts::blocks},
                                              {"threads", &seq_sim_counts::threads},
                                              {"barriers", &seq_sim_counts::barriers},
                                              {"global_loads", &seq_sim_counts::global_loads},
                                              {"global_stores", &seq_sim_counts::global_stores},
                                              {"sectors_read", &seq_sim_counts::sectors_read},
                                              {"sectors_written", &seq_sim_counts::sectors_written},
                                              {"shared_requests", &seq_sim_counts::shared_requests},
                                              {"bank_conflicts", &seq_sim_counts::bank_conflicts},
                                              {"atomics", &seq_sim_counts::atomics},
                                              {"shuffles", &seq_sim_counts::shuffles},
                                              {"mma", &seq_sim_counts::mma}};
template <class F> void forEachCount(const seq_sim_counts &c, F f) {
  for (const CountField &field : kCountFields)
    f(field.name, c.*field.value);
}

/// `"kernels": [{"name": …}, …], "sums": {…}`.
std::string kernelCountsJson(const std::vector<KernelCounts> &kernels);

} // namespace seq::tool

#endif
