// The fake driver as the tests' driver: fresh at the beginning of each.
#ifndef SEQ_GPU_FAKE_DRIVER_FOR_TEST_H
#define SEQ_GPU_FAKE_DRIVER_FOR_TEST_H

#include "FakeDriver.h"
#include "seq/abi.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <dlfcn.h>

namespace fake_cuda {

struct fresh {
  driver *it;
  fresh() {
    setenv("SEQC_CUDA_DRIVER", FAKE_CUDA_DRIVER, 1);
    void *library = dlopen(FAKE_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "fake_cuda_driver") : nullptr;
    EXPECT_NE(symbol, nullptr) << dlerror();
    it = reinterpret_cast<driver *(*)()>(symbol)();
    *it = driver();
  }
  // Nothing is left behind, unless the context was broken.
  ~fresh() {
    if (!it->broken) {
      EXPECT_EQ(it->used, 0u);
      EXPECT_EQ(it->modules, 0);
      EXPECT_EQ(it->streams, 0);
      EXPECT_EQ(it->events, 0);
      EXPECT_TRUE(it->pinned.empty());
      EXPECT_TRUE(it->queue.empty());
    }
    EXPECT_EQ(it->contexts, 0);
    EXPECT_EQ(it->current, nullptr);
    unsetenv("SEQC_CUDA_DRIVER");
  }
  fresh(const fresh &) = delete;
  driver *operator->() const { return it; }

  void add(const seq_kernel &k) {
    it->kernels[k.name] = [code = k.simulated](const std::uint64_t *args) {
      code(args);
      return 0;
    };
  }
};

} // namespace fake_cuda

#endif
