// A CUDA driver in host memory, for tests: what they set and see of it.
//
// Work is put off until somebody waits for it, for as long as CUDA may; copies from pageable
// memory are read at once, those from pinned memory late. Pointers to the device's memory are of
// no use to the host, so that reading them there faults.
#ifndef SEQ_GPU_FAKE_DRIVER_H
#define SEQ_GPU_FAKE_DRIVER_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fake_cuda {

// Gets its arguments with pointers that the host can use; gives the error of its run.
using kernel = std::function<int(const std::uint64_t *)>;

struct driver {
  int devices = 2, version = 12040, multiprocessors = 4, cooperative = 1, occupancy = 2;
  std::vector<int> chips = {90, 80};
  std::size_t memory = std::size_t(1) << 24;
  std::map<std::string, int> results;    // call -> the result that it gives
  std::map<std::string, kernel> kernels; // symbol -> code
  std::string log;                       // of compiling PTX

  std::map<std::string, int> calls;                                // how often each was made
  std::map<std::string, std::map<std::string, std::int64_t>> last; // its arguments
  std::size_t used = 0;
  int modules = 0, streams = 0, events = 0, contexts = 0;
  void *current = nullptr; // context
  std::deque<std::function<int()>> queue;
  int broken = 0; // the error that every call gives from now on
  std::map<std::uint64_t, std::size_t> allocated, pinned;
};

// A stream of the host's, on a device.
struct host_stream {
  int device;
};

constexpr std::uint64_t mark = std::uint64_t(1) << 60; // of a pointer to the device's memory

} // namespace fake_cuda

// Exported by the library.
extern "C" fake_cuda::driver *fake_cuda_driver();

#endif
