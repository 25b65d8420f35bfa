// What the tests of the simulator share: kernels as C++ functions, places, a sim with its checks.
#ifndef SEQ_GPUSIM_SIMFORTEST_H
#define SEQ_GPUSIM_SIMFORTEST_H

#include "Ops.h"
#include "Sim.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

// A place of its own at each use.
#define HERE                                                                                       \
  ([]() -> const seq_sim_site * {                                                                  \
    static const seq_sim_site site = {"k.seq", __LINE__, 1};                                       \
    return &site;                                                                                  \
  }())

#define LOAD(p)                                                                                    \
  (seq_sim_access(&(p), sizeof(p), SEQ_SIM_READ | sizeof(p) * SEQ_SIM_ALIGN, HERE), (p))
#define STORE(p, v)                                                                                \
  (seq_sim_access(&(p), sizeof(p), SEQ_SIM_WRITE | sizeof(p) * SEQ_SIM_ALIGN, HERE), (p) = (v))
#define ATOMIC_ADD(p, v)                                                                           \
  (seq_sim_access(                                                                                 \
       &(p), sizeof(p),                                                                            \
       SEQ_SIM_READ | SEQ_SIM_WRITE | SEQ_SIM_ATOMIC | SEQ_SIM_ACQUIRE | SEQ_SIM_RELEASE, HERE),   \
   (p) += (v))

template <class T> T *argument(const uint64_t *args, int i) {
  return reinterpret_cast<T *>(args[i]);
}
template <class T = float> T *shared() {
  return static_cast<T *>(seq_sim_shared());
}
inline int tid() {
  return seq_sim_thread_index();
}
inline int bid() {
  return seq_sim_block_index();
}
inline void barrier(const seq_sim_site *site) {
  seq_sim_barrier(0, 0, 1, site);
}

class SimTest : public testing::Test {
protected:
  ~SimTest() override { seq_sim_destroy(sim); }

  template <class T> void allow(std::vector<T> &v, const char *what, bool writable = true) {
    seq_sim_allow(sim, v.data(), int64_t(v.size() * sizeof(T)), writable, what);
  }
  int launch(seq_simulated_fn fn, int threads, int64_t blocks, std::vector<uint64_t> args,
             int sharedBytes = 0, int flags = SEQ_KERNEL_SYNCHRONISES) {
    kernel = {"k", int32_t(args.size()), threads, sharedBytes, flags, fn};
    return seq_sim_launch(sim, &kernel, blocks, args.data());
  }
  template <class T> static uint64_t to(std::vector<T> &v) { return uint64_t(v.data()); }
  std::string error() const { return seq_sim_error(sim); }
  /// The launch failed with a text that has all of these in it.
  void expectError(std::vector<std::string> parts) const {
    for (const std::string &part : parts)
      EXPECT_NE(error().find(part), std::string::npos) << part << "\nis not in: " << error();
  }
  /// Runs `body` in each order.
  template <class F> void inAllOrders(F body) {
    for (int order : {SEQ_SIM_FORWARD, SEQ_SIM_REVERSE, SEQ_SIM_RANDOM}) {
      SCOPED_TRACE(order);
      seq_sim_set_order(sim, order, 7);
      body();
    }
  }

  seq_sim *sim = seq_sim_create();
  seq_kernel kernel = {};
};

#endif
