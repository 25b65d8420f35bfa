// The entry points of the CUDA driver that the runtime uses, in host memory.
#include "FakeDriver.h"

#include <cstdlib>
#include <cstring>

using fake_cuda::mark;

namespace {
fake_cuda::driver it;
struct context {
  int device;
};
context contexts[8];

struct event {
  bool passed = true;
};
struct module {};
struct function {
  std::string name;
  int n_args;
};
std::map<std::string, function> functions;

// What a broken context never gets back, so that it does not count as lost.
std::vector<void *> &made = *new std::vector<void *>;
template <typename T> T *keep(T *p) {
  made.push_back(p);
  return p;
}

// What every call begins with: 0, or the result that it has to give.
int begin(const char *name, bool in_context = true) {
  it.calls[name]++;
  if (it.broken)
    return it.broken;
  if (auto found = it.results.find(name); found != it.results.end())
    return found->second;
  return in_context && !it.current ? 201 : 0;
}

// The memory behind a pointer of the device, null where it has no such bytes.
char *resolve(std::uint64_t p, std::size_t bytes) {
  auto found = it.allocated.upper_bound(p);
  if (found == it.allocated.begin())
    return nullptr;
  --found;
  if (p + bytes > found->first + found->second)
    return nullptr;
  return reinterpret_cast<char *>(p & ~mark);
}

bool is_pinned(const void *p) {
  auto address = reinterpret_cast<std::uint64_t>(p);
  auto found = it.pinned.upper_bound(address);
  return found != it.pinned.begin() && address < (--found)->first + found->second;
}

// Does what was put off, until `done` or to the end.
int drain(const bool *done = nullptr) {
  while (!it.queue.empty() && !(done && *done)) {
    auto next = std::move(it.queue.front());
    it.queue.pop_front();
    if (int result = next()) {
      it.broken = result;
      it.queue.clear();
      return result;
    }
  }
  return 0;
}

void put_off_copy(char *to, const char *from, std::size_t bytes) {
  it.queue.push_back([=] {
    std::memcpy(to, from, bytes);
    return 0;
  });
}

// Pointers among the arguments become the host's.
int put_off_kernel(const function *f, std::vector<std::uint64_t> args) {
  auto found = it.kernels.find(f->name);
  if (found == it.kernels.end())
    return 500;
  it.queue.push_back([args, code = found->second]() mutable {
    for (std::uint64_t &arg : args)
      if (arg & mark) {
        if (!resolve(arg, 0))
          return 700;
        arg &= ~mark;
      }
    return code(args.data());
  });
  return 0;
}
} // namespace

extern "C" {
fake_cuda::driver *fake_cuda_driver() {
  return &it;
}

int cuInit(unsigned) {
  return begin("cuInit", false);
}
int cuDriverGetVersion(int *version) {
  *version = it.version;
  return 0;
}
int cuGetErrorName(int result, const char **text) {
  static const std::map<int, const char *> names = {{1, "CUDA_ERROR_INVALID_VALUE"},
                                                    {2, "CUDA_ERROR_OUT_OF_MEMORY"},
                                                    {100, "CUDA_ERROR_NO_DEVICE"},
                                                    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
                                                    {218, "CUDA_ERROR_INVALID_PTX"},
                                                    {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"},
                                                    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
                                                    {500, "CUDA_ERROR_NOT_FOUND"},
                                                    {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
                                                    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"}};
  auto found = names.find(result);
  *text = found == names.end() ? nullptr : found->second;
  return found == names.end();
}
int cuGetErrorString(int result, const char **text) {
  *text = result == 2 ? "out of memory" : "as the driver words it";
  return 0;
}

int cuDeviceGetCount(int *count) {
  *count = it.devices;
  return begin("cuDeviceGetCount", false);
}
int cuDeviceGet(int *device, int ordinal) {
  *device = 100 + ordinal; // no ordinal
  return begin("cuDeviceGet", false);
}
int cuDeviceGetName(char *name, int bytes, int device) {
  std::strncpy(name, device == 100 ? "Fake One" : "Fake Two", static_cast<size_t>(bytes));
  return begin("cuDeviceGetName", false);
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  int chip = it.chips[static_cast<size_t>(device - 100)];
  *value = attribute == 75   ? chip / 10
           : attribute == 76 ? chip % 10
           : attribute == 16 ? it.multiprocessors
           : attribute == 95 ? it.cooperative
                             : 0;
  return begin("cuDeviceGetAttribute", false);
}
int cuDeviceTotalMem_v2(size_t *bytes, int) {
  *bytes = it.memory;
  return begin("cuDeviceTotalMem", false);
}

int cuDevicePrimaryCtxRetain(context **out, int device) {
  int result = begin("cuDevicePrimaryCtxRetain", false);
  if (result)
    return result;
  it.contexts++;
  *out = &contexts[device - 100];
  (*out)->device = device;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int) {
  it.contexts--;
  return 0;
}
int cuCtxGetCurrent(context **out) {
  *out = static_cast<context *>(it.current);
  return begin("cuCtxGetCurrent", false);
}
int cuCtxSetCurrent(context *c) {
  it.current = c;
  return begin("cuCtxSetCurrent", false);
}
int cuCtxGetDevice(int *device) {
  int result = begin("cuCtxGetDevice");
  if (!result)
    *device = static_cast<context *>(it.current)->device;
  return result;
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *all) {
  *free_bytes = it.memory - it.used;
  *all = it.memory;
  return begin("cuMemGetInfo");
}
int cuMemAlloc_v2(std::uint64_t *p, size_t bytes) {
  int result = begin("cuMemAlloc");
  if (result)
    return result;
  if (bytes == 0)
    return 1;
  if (bytes > it.memory - it.used)
    return 2;
  void *memory = keep(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  std::memset(memory, 0xa5, bytes);
  *p = reinterpret_cast<std::uint64_t>(memory) | mark;
  it.allocated[*p] = bytes;
  it.used += bytes;
  return 0;
}
// Does not wait: who needs that has to.
int cuMemFree_v2(std::uint64_t p) {
  int result = begin("cuMemFree");
  auto found = it.allocated.find(p);
  if (found == it.allocated.end())
    return 1;
  it.used -= found->second;
  it.allocated.erase(found);
  std::free(reinterpret_cast<void *>(p & ~mark));
  return result;
}
int cuMemAllocHost_v2(void **p, size_t bytes) {
  int result = begin("cuMemAllocHost");
  if (result)
    return result;
  *p = keep(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  it.pinned[reinterpret_cast<std::uint64_t>(*p)] = bytes;
  return 0;
}
int cuMemFreeHost(void *p) {
  it.pinned.erase(reinterpret_cast<std::uint64_t>(p));
  std::free(p);
  return begin("cuMemFreeHost");
}

int cuMemcpyHtoDAsync_v2(std::uint64_t to, const void *from, size_t bytes, void *) {
  int result = begin("cuMemcpyHtoDAsync");
  if (result)
    return result;
  char *memory = resolve(to, bytes);
  if (!memory)
    return 1;
  if (is_pinned(from)) {
    put_off_copy(memory, static_cast<const char *>(from), bytes);
    return 0;
  }
  // Pageable memory: the driver takes a copy of its own first.
  it.queue.push_back([memory, copy = std::string(static_cast<const char *>(from), bytes)] {
    std::memcpy(memory, copy.data(), copy.size());
    return 0;
  });
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, std::uint64_t from, size_t bytes, void *) {
  int result = begin("cuMemcpyDtoHAsync");
  const char *memory = resolve(from, bytes);
  if (result || !memory)
    return result ? result : 1;
  put_off_copy(static_cast<char *>(to), memory, bytes);
  return 0;
}
int cuMemcpyDtoDAsync_v2(std::uint64_t to, std::uint64_t from, size_t bytes, void *) {
  int result = begin("cuMemcpyDtoDAsync");
  char *target = resolve(to, bytes);
  const char *source = resolve(from, bytes);
  if (result || !source || !target)
    return result ? result : 1;
  put_off_copy(target, source, bytes);
  return 0;
}
int cuMemsetD8Async(std::uint64_t to, unsigned char value, size_t bytes, void *) {
  int result = begin("cuMemsetD8Async");
  char *memory = resolve(to, bytes);
  if (result || !memory)
    return result ? result : 1;
  it.queue.push_back([=] {
    std::memset(memory, value, bytes);
    return 0;
  });
  return 0;
}

// Zeros for memory that is not CUDA's. Of the fake's two devices, all memory is of the first.
int cuPointerGetAttributes(unsigned n, int *attributes, void **values, std::uint64_t p) {
  int result = begin("cuPointerGetAttributes");
  bool device = resolve(p, 0), pinned = is_pinned(reinterpret_cast<void *>(p));
  for (unsigned i = 0; i < n && !result; i++) {
    int value = attributes[i] == 2 ? (device ? 2 : pinned ? 1 : 0) : 0;
    if (attributes[i] == 9)
      value = it.last["pointer"].count("device") ? int(it.last["pointer"]["device"]) : 0;
    if (attributes[i] == 8)
      value = int(it.last["pointer"]["managed"]);
    std::memcpy(values[i], &value, sizeof value);
  }
  return result;
}

int cuStreamCreate(void **stream, unsigned) {
  int result = begin("cuStreamCreate");
  if (!result) {
    it.streams++;
    *stream = keep(new int);
  }
  return result;
}
int cuStreamDestroy_v2(void *stream) {
  it.streams--;
  delete static_cast<int *>(stream);
  return begin("cuStreamDestroy");
}
int cuStreamSynchronize(void *) {
  int result = begin("cuStreamSynchronize");
  return result ? result : drain();
}
int cuStreamGetCtx(fake_cuda::host_stream *stream, context **out) {
  int result = begin("cuStreamGetCtx", false);
  *out = &contexts[4 + stream->device]; // not the primary one
  (*out)->device = 100 + stream->device;
  return result;
}

int cuEventCreate(event **out, unsigned) {
  int result = begin("cuEventCreate");
  if (!result) {
    it.events++;
    *out = keep(new event);
  }
  return result;
}
int cuEventDestroy_v2(event *e) {
  it.events--;
  delete e;
  return begin("cuEventDestroy");
}
int cuEventRecord(event *e, void *) {
  int result = begin("cuEventRecord");
  if (result)
    return result;
  e->passed = false;
  it.queue.push_back([e] {
    e->passed = true;
    return 0;
  });
  return 0;
}
int cuEventSynchronize(event *e) {
  int result = begin("cuEventSynchronize");
  return result ? result : drain(&e->passed);
}

// Options 5 and 6 are the log of errors.
int cuModuleLoadDataEx(module **out, const void *, unsigned n, int *options, void **values) {
  int result = begin("cuModuleLoadDataEx");
  size_t room = 0;
  for (unsigned i = 0; i < n; i++)
    if (options[i] == 6)
      room = reinterpret_cast<size_t>(values[i]);
  for (unsigned i = 0; i < n; i++)
    if (options[i] == 5 && result && room > it.log.size())
      std::memcpy(values[i], it.log.c_str(), it.log.size() + 1);
  if (!result) {
    it.modules++;
    *out = keep(new module);
  }
  return result;
}
int cuModuleUnload(module *m) {
  it.modules--;
  delete m;
  return begin("cuModuleUnload");
}
int cuModuleGetFunction(function **out, module *, const char *name) {
  int result = begin("cuModuleGetFunction");
  if (result || !it.kernels.count(name))
    return result ? result : 500;
  *out = &functions[name];
  (*out)->name = name;
  return 0;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, function *, int, size_t) {
  *blocks = it.occupancy;
  return begin("cuOccupancyMaxActiveBlocksPerMultiprocessor");
}

int cuFuncSetAttribute(function *, int, int value) {
  it.last["cuFuncSetAttribute"] = {{"value", value}};
  return begin("cuFuncSetAttribute");
}

static void note(const char *name, unsigned blocks, unsigned threads, void *stream) {
  it.last[name] = {
      {"blocks", blocks}, {"threads", threads}, {"stream", reinterpret_cast<std::int64_t>(stream)}};
}

int cuLaunchKernel(function *f, unsigned gx, unsigned, unsigned, unsigned bx, unsigned, unsigned,
                   unsigned, void *stream, void **, void **extra) {
  int result = begin("cuLaunchKernel");
  if (result)
    return result;
  note("cuLaunchKernel", gx, bx, stream);
  const void *buffer = nullptr;
  size_t bytes = 0;
  for (; extra && *extra; extra += 2)
    if (*extra == reinterpret_cast<void *>(1))
      buffer = extra[1];
    else
      bytes = *static_cast<size_t *>(extra[1]);
  std::vector<std::uint64_t> args(bytes / 8);
  if (bytes)
    std::memcpy(args.data(), buffer, bytes);
  return put_off_kernel(f, args);
}
int cuTensorMapEncodeTiled(void *to, int type, std::uint32_t rank, void *base,
                           const std::uint64_t *sizes, const std::uint64_t *strides,
                           const std::uint32_t *box, const std::uint32_t *steps, int interleave,
                           int swizzle, int promotion, int fill) {
  int result = begin("cuTensorMapEncodeTiled");
  if (result)
    return result;
  if (reinterpret_cast<std::uintptr_t>(to) % 64 || reinterpret_cast<std::uintptr_t>(base) % 16)
    return 1;
  auto &last = it.last["map"];
  last = {{"type", type},       {"rank", rank},        {"interleave", interleave},
          {"swizzle", swizzle}, {"fill", fill},        {"promotion", promotion},
          {"row", strides[0]},  {"batch", strides[1]}, {"steps", steps[0] * steps[1] * steps[2]},
          {"width", sizes[0]},  {"height", sizes[1]},  {"box", box[0] * box[1] * box[2]}};
  std::memset(to, 7, 128);
  return 0;
}
// The number of arguments is that of the tests' kernels of this kind.
int cuLaunchCooperativeKernel(function *f, unsigned gx, unsigned, unsigned, unsigned bx, unsigned,
                              unsigned, unsigned, void *stream, void **pointers) {
  int result = begin("cuLaunchCooperativeKernel");
  if (result)
    return result;
  note("cuLaunchCooperativeKernel", gx, bx, stream);
  std::vector<std::uint64_t> args;
  for (int i = 0; i < int(it.last["cooperative"]["arguments"]); i++)
    args.push_back(*static_cast<std::uint64_t *>(pointers[i]));
  return put_off_kernel(f, args);
}
}
