//===- Kernels.cpp - What kernels did in the simulator --------------------------------===//
#include "compiler/Tools/seqc/Kernels.h"

#include "compiler/Tools/seqc/Report.h"

#include <algorithm>
#include <set>

namespace seq::tool {

std::vector<KernelCounts> kernelCounts(const seq_sim *sim, const seq_model_desc &desc) {
  std::vector<KernelCounts> out;
  // Functions of one target share its code.
  std::set<const seq_device_code *> seen;
  for (int32_t f = 0; f < desc.n_functions; ++f)
    for (int32_t v = 0; v < desc.functions[f].n_variants; ++v) {
      const seq_device_code *code = desc.functions[f].variants[v].code;
      if (!code || !seen.insert(code).second)
        continue;
      for (int32_t k = 0; k < code->n_kernels; ++k) {
        KernelCounts row{code->kernels[k].name, code->kernels[k].threads};
        if (seq_sim_counts_of(sim, &code->kernels[k], &row.counts) == 0)
          out.push_back(std::move(row));
      }
    }
  return out;
}

seq_sim_counts sumOf(const std::vector<KernelCounts> &kernels) {
  seq_sim_counts sum = {};
  for (const KernelCounts &k : kernels)
    for (const CountField &field : kCountFields)
      sum.*field.value += k.counts.*field.value;
  return sum;
}

static std::string fields(const seq_sim_counts &c) {
  std::string text;
  forEachCount(c, [&](const char *name, int64_t n) {
    text += (text.empty() ? "\"" : ", \"") + std::string(name) + "\": " + std::to_string(n);
  });
  return text;
}

std::string kernelCountsJson(const std::vector<KernelCounts> &kernels) {
  std::string rows;
  for (const KernelCounts &k : kernels)
    rows += (rows.empty() ? "{" : ", {") + ("\"name\": " + jsonText(k.name)) +
            ", \"block_threads\": " + std::to_string(k.threads) + ", " + fields(k.counts) + "}";
  return "\"kernels\": [" + rows + "], \"sums\": {" + fields(sumOf(kernels)) + "}";
}

} // namespace seq::tool
