// What only CUDA has: the driver and its errors, chips, streams, pointers, waiting.
#include "../Core/FakeDevice.h"
#include "FakeDriverForTest.h"
#include "seq/seq.hpp"

#include <gtest/gtest.h>

using namespace fake;
using floats = std::vector<float>;
using reals = fake::device_array<float>;
using integers = fake::device_array<int32_t>;

namespace {
struct Cuda : ::testing::Test {
  fake_cuda::fresh driver;
  Cuda() {
    for (const seq_kernel &k : kernels)
      driver.add(k);
  }
  // The message of making a context, "" if that is possible.
  std::string refusal(const seq_ctx_options &o = options_for(SEQ_ON_CUDA),
                      int want = SEQ_ERR_DEVICE) {
    seq_ctx *ctx = nullptr;
    char message[1024] = "";
    int status = seq_ctx_create_with(&o, &ctx, message, sizeof message);
    EXPECT_EQ(status, message[0] ? want : SEQ_OK) << message;
    seq_ctx_destroy(ctx);
    return message;
  }
};

struct scaling : device_session {
  reals x, y;
  explicit scaling(const seq_ctx_options &o = options_for(SEQ_ON_CUDA))
      : device_session(o, devicePlain), x(ctx, {1, 2}, {1, 2}), y(ctx, {1, 2}) {}
  int call() { return run(D_SCALE, {{&x.view, nullptr}, {&y.view}}); }
};
} // namespace

// --- the driver

TEST_F(Cuda, DriverThatIsNotThere) {
  setenv("SEQC_CUDA_DRIVER", "/nowhere/libcuda.so", 1);
  std::string text = refusal();
  EXPECT_EQ(text.find("the NVIDIA driver's library cannot be opened: /nowhere/libcuda.so: "), 0u)
      << text;
  EXPECT_NE(text.find("install the driver, or name its library in SEQC_CUDA_DRIVER"),
            std::string::npos);
  setenv("SEQC_CUDA_DRIVER", "libm.so.6", 1); // a library, but no driver
  EXPECT_EQ(refusal(), "the NVIDIA driver's library libm.so.6 has no `cuInit`: update the driver");
}

TEST_F(Cuda, DriverThatDoesNotStart) {
  driver->results["cuInit"] = 100;
  EXPECT_EQ(refusal(), "this machine has no CUDA device, or CUDA_VISIBLE_DEVICES hides it: cuInit: "
                       "CUDA_ERROR_NO_DEVICE (as the driver words it)");
  driver->results["cuInit"] = 803;
  EXPECT_EQ(refusal(), "the NVIDIA driver does not start: cuInit: error 803");
}

TEST_F(Cuda, Probe) {
  seq_cuda_info devices[2];
  int32_t count = -1, version = -1;
  char message[300];
  ASSERT_EQ(seq_cuda_probe(devices, 2, &count, &version, message, sizeof message), SEQ_OK);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(version, 12040);
  EXPECT_STREQ(devices[0].name, "Fake One");
  EXPECT_EQ(devices[0].chip, 90);
  EXPECT_EQ(devices[0].multiprocessors, 4);
  EXPECT_STREQ(devices[1].name, "Fake Two");
  EXPECT_EQ(devices[1].chip, 80);
  EXPECT_EQ(devices[1].memory_bytes, INT64_C(1) << 24);
  EXPECT_EQ(driver->contexts, 0);
  EXPECT_EQ(driver->calls["cuDevicePrimaryCtxRetain"], 0);
  EXPECT_EQ(seq_cuda_probe(nullptr, 0, &count, nullptr, nullptr, 0), SEQ_OK);
  EXPECT_EQ(count, 2);
  driver->results["cuDeviceTotalMem"] = 500;
  EXPECT_EQ(seq_cuda_probe(devices, 2, &count, nullptr, message, sizeof message), SEQ_ERR_DEVICE);
  EXPECT_STREQ(message, "cuDeviceTotalMem: CUDA_ERROR_NOT_FOUND (as the driver words it)");
  driver->results.clear();
  driver->devices = 0;
  EXPECT_EQ(seq_cuda_probe(devices, 2, &count, &version, message, sizeof message), SEQ_ERR_DEVICE);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(version, 12040);
  EXPECT_STREQ(message, "this machine has no CUDA device, or CUDA_VISIBLE_DEVICES hides it");
  setenv("SEQC_CUDA_DRIVER", "/nowhere/libcuda.so", 1);
  EXPECT_EQ(seq_cuda_probe(devices, 2, &count, &version, message, sizeof message), SEQ_ERR_DEVICE);
  EXPECT_EQ(version, 0);
}

TEST_F(Cuda, DevicesHaveNumbers) {
  seq_ctx_options o = options_for(SEQ_ON_CUDA);
  o.device = 2;
  EXPECT_EQ(refusal(o), "there is no CUDA device 2: this process sees 2");
  o.device = -1;
  EXPECT_EQ(refusal(o), "there is no CUDA device -1: this process sees 2");
  o.device = 1;
  scaling second(o);
  EXPECT_EQ(seq_ctx_chip(second.ctx), 80);
  EXPECT_EQ(second.x.view.device.device_id, 1);
  driver->last["pointer"]["device"] = 1;
  EXPECT_EQ(second.call(), SEQ_OK) << second.error();
}

TEST_F(Cuda, EachStepOfMakingAContextMayFail) {
  for (const char *call :
       {"cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain",
        "cuCtxGetCurrent", "cuCtxSetCurrent", "cuStreamCreate"}) {
    driver->results[call] = 500;
    EXPECT_EQ(refusal(), std::string(call) + ": CUDA_ERROR_NOT_FOUND (as the driver words it)");
    driver->results.clear();
    driver->current = nullptr;
  }
  driver->results["cuMemAlloc"] = 2;
  EXPECT_EQ(refusal(options_for(SEQ_ON_CUDA), SEQ_ERR_MEMORY),
            "no memory for a context of 40 bytes: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (out of "
            "memory): 16777216 of the 16777216 bytes of CUDA device 0 are free");
  driver->results.clear();
  EXPECT_EQ(refusal(), "");
}

// --- memory

TEST_F(Cuda, NoMemory) {
  scaling s;
  void *p = nullptr;
  EXPECT_EQ(seq_ctx_alloc(s.ctx, INT64_C(1) << 40, &p), SEQ_ERR_MEMORY);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(s.error().find("no memory for an array of 1099511627776 bytes: cuMemAlloc: "
                           "CUDA_ERROR_OUT_OF_MEMORY (out of memory): 1677"),
            0u)
      << s.error();
  EXPECT_EQ(s.call(), SEQ_OK) << s.error(); // the context goes on
}

TEST_F(Cuda, ArraysMustBeOnTheDevice) {
  scaling s;
  array host({1, 2});
  EXPECT_EQ(s.run(D_SCALE, {{&host.view, nullptr}, {&s.y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "input `x` is on the CPU, not on CUDA device 0: copy it there "
                       "(seq_ctx_alloc, seq_ctx_copy_in)");
  host.view.device = {kDLCUDA, 0}; // it claims to be there
  EXPECT_EQ(s.run(D_SCALE, {{&s.x.view, nullptr}, {&host.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "output `y` points to memory that is not of CUDA device 0 but the host's, "
                       "or freed: copy the array there (seq_ctx_alloc, seq_ctx_copy_in)");
  host.view.device = {kDLCUDA, 1};
  EXPECT_EQ(s.run(D_SCALE, {{&host.view, nullptr}, {&s.y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "input `x` is on CUDA device 1, not on CUDA device 0: copy it there "
                       "(seq_ctx_alloc, seq_ctx_copy_in)");
  host.view.device = {kDLCUDAHost, 0};
  EXPECT_EQ(s.run(D_SCALE, {{&host.view, nullptr}, {&s.y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error().find("input `x` is on the CPU (pinned memory), not on"), 0u);
  s.x.view.byte_offset = 2;
  EXPECT_EQ(s.call(), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "input `x` is not aligned to its 4-byte elements");
  s.x.view.byte_offset = 0;
  driver->last["pointer"]["device"] = 1;
  EXPECT_EQ(s.call(), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "input `x` points to memory of CUDA device 1, not 0: copy the array there "
                       "(seq_ctx_alloc, seq_ctx_copy_in)");
  driver->last["pointer"]["managed"] = 1;
  s.x.view.device.device_type = kDLCUDAManaged;
  EXPECT_EQ(s.call(), SEQ_OK) << s.error();
}

TEST_F(Cuda, WorkspacesMustBeOnTheDevice) {
  device_session s(SEQ_ON_CUDA, devicePlain);
  reals x(s.ctx, {3, 2}), h(s.ctx, {2});
  alignas(64) char memory[64];
  call_args a({&x.view}, {&h.view});
  a.args.workspace = memory;
  a.args.workspace_bytes = 64;
  EXPECT_EQ(s.run(D_RING, a), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error().find("the workspace points to memory that is not of CUDA device 0"), 0u);
}

TEST_F(Cuda, ParametersOfADeviceAreRefused) {
  device_session s(SEQ_ON_CUDA, deviceLayer);
  reals w(s.ctx, {2, 3}), bias(s.ctx, {2});
  const DLTensor *views[] = {&w.view, &bias.view};
  EXPECT_EQ(seq_model_bind(s.model, views, 2), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "parameter `layers.0.w` is on CUDA device 0, not on the CPU: copy it there");
}

// --- waiting

TEST_F(Cuda, CallsThatCannotFailDoNotWait) {
  scaling s;
  ASSERT_EQ(s.call(), SEQ_OK) << s.error();
  ASSERT_EQ(seq_ctx_synchronize(s.ctx), SEQ_OK);
  driver->calls.clear();
  for (int i = 0; i < 50; i++)
    ASSERT_EQ(s.call(), SEQ_OK);
  EXPECT_EQ(driver->calls["cuLaunchKernel"], 50);
  for (const char *call : {"cuStreamSynchronize", "cuEventSynchronize", "cuMemAlloc", "cuMemFree",
                           "cuMemAllocHost", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync"})
    EXPECT_EQ(driver->calls[call], 0) << call;
  EXPECT_EQ(driver->queue.size(), 50u);
  EXPECT_EQ(seq_ctx_synchronize(s.ctx), SEQ_OK);
  EXPECT_TRUE(driver->queue.empty());
}

TEST_F(Cuda, LengthsAreSentWhenTheyChangeAndDoNotWait) {
  scaling s;
  reals x(s.ctx, {2, 1, 2}, {1, 2, 3, 4}), y(s.ctx, {2, 1, 2});
  driver->calls.clear();
  for (int64_t i = 0; i < 6; i++) {
    int64_t own[] = {i / 3, 1};
    ASSERT_EQ(s.run(D_SCALE, {{&x.view, nullptr}, {&y.view}, {{nullptr, own, 2}}}), SEQ_OK);
  }
  EXPECT_EQ(driver->calls["cuMemcpyHtoDAsync"], 3); // two of lengths, one of defaults
  EXPECT_EQ(driver->calls["cuStreamSynchronize"], 0);
  EXPECT_EQ(y.values(), (floats{2, 4, 6, 8}));
}

TEST_F(Cuda, CallsThatCanFailWaitOnce) {
  device_session s(SEQ_ON_CUDA, devicePlain);
  reals w(s.ctx, {5}, {1, 2, 3, 4, 5}), y(s.ctx, {2});
  integers i(s.ctx, {2}, {0, 4});
  driver->calls.clear();
  for (int turn = 0; turn < 3; turn++)
    ASSERT_EQ(s.run(D_GATHER, {{&w.view, &i.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(driver->calls["cuStreamSynchronize"], 3);
  EXPECT_EQ(driver->calls["cuMemcpyDtoHAsync"], 3);
}

// --- streams and contexts

TEST_F(Cuda, TheThreadsContextIsAsItWas) {
  int other = 0;
  driver->current = &other;
  {
    scaling s;
    EXPECT_EQ(driver->current, &other);
    EXPECT_EQ(s.call(), SEQ_OK) << s.error();
    EXPECT_EQ(s.y.values(), (floats{2, 4}));
    EXPECT_EQ(driver->current, &other);
  }
  EXPECT_EQ(driver->current, &other);
  driver->current = nullptr;
}

TEST_F(Cuda, StreamsOfTheHost) {
  fake_cuda::host_stream first{0}, second{1};
  seq_ctx_options o = options_for(SEQ_ON_CUDA);
  o.stream = &second;
  EXPECT_EQ(refusal(o, SEQ_ERR_ARGUMENT),
            "seq_ctx_options.stream is a stream of another device than the CUDA device 0 of the "
            "options");
  for (void *stream : {static_cast<void *>(&first), reinterpret_cast<void *>(1)}) {
    o.stream = stream;
    scaling s(o);
    EXPECT_EQ(s.call(), SEQ_OK) << s.error();
    EXPECT_EQ(driver->last["cuLaunchKernel"]["stream"], reinterpret_cast<int64_t>(stream));
    EXPECT_EQ(s.y.values(), (floats{2, 4}));
    EXPECT_EQ(driver->streams, 0); // none of our own
    EXPECT_EQ(driver->contexts, stream == &first ? 0 : 1);
  }
}

// --- code

namespace {
// A model of scale whose variants are these codes.
struct coded {
  std::vector<seq_variant> variants;
  seq_function_desc fn = functions[SCALE];
  seq_model_desc desc = devicePlain;

  explicit coded(const std::vector<const seq_device_code *> &codes) {
    for (const seq_device_code *code : codes)
      variants.push_back({std::atoi(code->chip + 3), SEQ_ON_CUDA, nullptr,
                          launch<K_SCALE, 2, 2, 1, 0>, nullptr, 0, code});
    fn.variants = variants.data();
    fn.n_variants = static_cast<int32_t>(variants.size());
    desc.functions = &fn;
    desc.n_functions = 1;
  }
  coded(const coded &) = delete;
};

seq_device_code code_of(const char *chip, bool ptx) {
  return {chip, "image", 6, ptx, K_COUNT, kernels};
}
} // namespace

TEST_F(Cuda, ChipsThatCodeRunsOn) {
  const seq_device_code ptx70 = code_of("sm_70", true), bin80 = code_of("sm_80", false),
                        bin86 = code_of("sm_86", false), ptx86 = code_of("sm_86", true),
                        ptx90a = code_of("sm_90a", true), ptx90 = code_of("sm_90", true),
                        bin90 = code_of("sm_90", false), bin100f = code_of("sm_100f", false),
                        odd = code_of("gfx90", true);
  const struct {
    int chip;
    std::vector<const seq_device_code *> codes;
    const seq_device_code *want;
  } cases[] = {
      {90, {&ptx70, &bin80, &ptx86}, &ptx86},   // no cubin of another major number
      {86, {&ptx70, &bin80}, &bin80},           // of the same it may be older
      {80, {&ptx70, &bin86, &ptx86}, &ptx70},   // but not newer
      {90, {&ptx90, &ptx90a, &bin90}, &ptx90a}, // special instructions first
      {90, {&ptx90, &bin90}, &bin90},           // then what needs no compiling
      {100, {&ptx90a, &bin90, &ptx90}, &ptx90}, // a: on this chip alone
      {103, {&bin100f, &ptx90}, &bin100f},      // f: on the family
      {120, {&bin100f, &ptx90a}, nullptr},      {60, {&ptx70, &odd}, nullptr},
  };
  for (const auto &c : cases) {
    driver->chips[0] = c.chip;
    coded model(c.codes);
    device_session s(SEQ_ON_CUDA, model.desc);
    EXPECT_EQ(s.created, c.want ? SEQ_OK : SEQ_ERR_MODEL) << c.chip << s.error();
  }
  driver->chips[0] = 120;
  coded none({&bin100f, &ptx90a});
  device_session s(SEQ_ON_CUDA, none.desc);
  EXPECT_EQ(s.error(),
            "`scale` was compiled for sm_100f, sm_90a; this device is sm_120: compile it "
            "with --target=sm_120");
}

// Which of several is loaded, told by what the driver gets.
TEST_F(Cuda, TheBestCodeIsLoaded) {
  const seq_device_code broken = {"sm_80", nullptr, 0, 1, K_COUNT, kernels},
                        fine = code_of("sm_90", true);
  coded model({&broken, &fine});
  device_session newer(SEQ_ON_CUDA, model.desc);
  EXPECT_EQ(newer.created, SEQ_OK) << newer.error();
  driver->chips[0] = 80;
  device_session older(SEQ_ON_CUDA, model.desc);
  EXPECT_EQ(older.created, SEQ_ERR_MODEL);
  EXPECT_EQ(older.error(), "there is no code for sm_80");
}

TEST_F(Cuda, CodeIsLoadedOnceForAllModels) {
  device_session s(SEQ_ON_CUDA, devicePlain);
  seq_model *second = nullptr;
  ASSERT_EQ(seq_model_create(s.ctx, &deviceSums, &second), SEQ_OK);
  EXPECT_EQ(driver->calls["cuModuleLoadDataEx"], 1);
  EXPECT_EQ(driver->modules, 1);
  seq_model_destroy(second);
  EXPECT_EQ(driver->modules, 1);
  const seq_device_code other = code_of("sm_90", true);
  coded newer({&other});
  ASSERT_EQ(seq_model_create(s.ctx, &newer.desc, &second), SEQ_OK);
  EXPECT_EQ(driver->modules, 2);
  seq_model_destroy(s.model);
  s.model = nullptr;
  EXPECT_EQ(driver->modules, 1);
  seq_model_destroy(second);
  EXPECT_EQ(driver->modules, 0);
  ASSERT_EQ(seq_model_create(s.ctx, &devicePlain, &s.model), SEQ_OK);
  EXPECT_EQ(driver->calls["cuModuleLoadDataEx"], 3);
}

TEST_F(Cuda, CodeThatCannotBeLoaded) {
  driver->log = "ptxas: line 3: unknown instruction";
  auto error = [&](int result) {
    driver->results["cuModuleLoadDataEx"] = result;
    device_session s(SEQ_ON_CUDA, devicePlain);
    EXPECT_EQ(s.created, SEQ_ERR_DEVICE);
    EXPECT_EQ(s.model, nullptr);
    return s.error();
  };
  EXPECT_EQ(error(218), "the code of sm_80 cannot be loaded on sm_90: cuModuleLoadDataEx: "
                        "CUDA_ERROR_INVALID_PTX (as the driver words it): ptxas: line 3: unknown "
                        "instruction");
  EXPECT_EQ(error(222).find("the NVIDIA driver, for CUDA 12.4, is too old for this PTX of sm_80: "
                            "update the driver, or compile to a cubin: "),
            0u);
  EXPECT_NE(error(221).find("(libnvidia-ptxjitcompiler.so.1) is not installed"), std::string::npos);
  EXPECT_EQ(error(209).find("this code of sm_80 does not run on sm_90: "), 0u);
  driver->results.clear();
  driver->kernels.erase("ring");
  device_session s(SEQ_ON_CUDA, devicePlain);
  EXPECT_EQ(s.created, SEQ_ERR_DEVICE);
  EXPECT_EQ(s.error(), "cuModuleGetFunction of `ring`: CUDA_ERROR_NOT_FOUND (as the driver words "
                       "it)");
  EXPECT_EQ(driver->modules, 0);
}

// --- launches

namespace {
int64_t wantedBlocks = 1;
uint64_t got[2];
void note(const uint64_t *args) {
  got[0] = args[0];
  got[1] = args[1];
}
void launchNote(const seq_call *call, int32_t tid, int32_t nthreads) {
  const uint64_t args[] = {static_cast<uint64_t>(nthreads) + static_cast<uint64_t>(tid),
                           UINT64_C(0xfedcba9876)};
  seq_rt_launch(call, 0, wantedBlocks, args);
  seq_rt_launch(call, 1, 2, nullptr);
}
void empty(const uint64_t *) {}

struct noting : coded {
  seq_kernel kernels[2];
  seq_device_code code;
  explicit noting(int32_t flags)
      : coded({}), kernels{{"note", 2, 96, 0, flags, note}, {"empty", 0, 32, 0, 0, empty}},
        code{"sm_80", "image", 6, 1, 2, kernels} {
    variants.push_back({80, SEQ_ON_CUDA, nullptr, launchNote, nullptr, 0, &code});
    fn.variants = variants.data();
    fn.n_variants = 1;
  }
};
} // namespace

namespace {
// Three axes, for a kernel whose first argument is its map and whose second one is a number.
alignas(16) uint16_t there[8];
seq_tensor_map boxes = {there, SEQ_BF16, 3, {72, 130, 2}, {144, 18720}, {64, 128, 1}};
uint64_t words[2];
void noteWords(const uint64_t *args) {
  words[0] = args[SEQ_TENSOR_MAP_WORDS - 1];
  words[1] = args[SEQ_TENSOR_MAP_WORDS];
}
void launchBoxes(const seq_call *call, int32_t, int32_t) {
  alignas(64) uint64_t args[SEQ_TENSOR_MAP_WORDS + 1] = {};
  seq_rt_tensor_map(call, &boxes, args);
  args[SEQ_TENSOR_MAP_WORDS] = 42;
  seq_rt_launch(call, 0, 1, args);
}
struct boxed : coded {
  seq_kernel kernel = {"boxes", SEQ_TENSOR_MAP_WORDS + 1, 128, 0, 0, noteWords};
  seq_device_code code = {"sm_80", "image", 6, 1, 1, &kernel};
  boxed() : coded({}) {
    variants.push_back({80, SEQ_ON_CUDA, nullptr, launchBoxes, nullptr, 0, &code});
    fn.variants = variants.data();
    fn.n_variants = 1;
  }
};
} // namespace

TEST_F(Cuda, TensorMapsAreArguments) {
  boxed model;
  driver.add(model.kernel);
  device_session s(SEQ_ON_CUDA, model.desc);
  ASSERT_EQ(s.created, SEQ_OK) << s.error();
  reals x(s.ctx, {1, 2}), y(s.ctx, {1, 2});
  call_args a({&x.view, nullptr}, {&y.view});
  ASSERT_EQ(s.run(0, a), SEQ_OK) << s.error();
  ASSERT_EQ(seq_ctx_synchronize(s.ctx), SEQ_OK) << s.error();
  EXPECT_EQ(words[0], UINT64_C(0x0707070707070707));
  EXPECT_EQ(words[1], 42u);
  auto &map = driver->last["map"];
  EXPECT_EQ(map["type"], 9);
  EXPECT_EQ(map["rank"], 3);
  EXPECT_EQ(map["width"], 72);
  EXPECT_EQ(map["height"], 130);
  EXPECT_EQ(map["row"], 144);
  EXPECT_EQ(map["batch"], 18720);
  EXPECT_EQ(map["box"], 64 * 128);
  EXPECT_EQ(map["steps"], 1);
  EXPECT_EQ(map["swizzle"], 3);
  EXPECT_EQ(map["interleave"] + map["fill"], 0);

  driver->calls.clear();
  driver->results["cuTensorMapEncodeTiled"] = 1;
  EXPECT_EQ(s.run(0, a), SEQ_ERR_DEVICE);
  EXPECT_EQ(s.error(), "`scale`: cuTensorMapEncodeTiled: CUDA_ERROR_INVALID_VALUE (as the driver "
                       "words it)");
  EXPECT_EQ(driver->calls["cuLaunchKernel"], 0); // not tried
}

TEST_F(Cuda, LaunchesPackTheirArguments) {
  noting model(0);
  driver.add(model.kernels[0]);
  driver.add(model.kernels[1]);
  device_session s(SEQ_ON_CUDA, model.desc);
  ASSERT_EQ(s.created, SEQ_OK) << s.error();
  reals x(s.ctx, {1, 2}), y(s.ctx, {1, 2});
  call_args a({&x.view, nullptr}, {&y.view});
  driver->calls.clear();
  wantedBlocks = 70000;
  ASSERT_EQ(s.run(0, a), SEQ_OK) << s.error();
  EXPECT_EQ(driver->calls["cuLaunchKernel"], 2);
  ASSERT_EQ(seq_ctx_synchronize(s.ctx), SEQ_OK) << s.error();
  EXPECT_EQ(got[0], 8u); // two for each of its multiprocessors
  EXPECT_EQ(got[1], UINT64_C(0xfedcba9876));
  driver->calls.clear();
  wantedBlocks = 0;
  ASSERT_EQ(s.run(0, a), SEQ_OK) << s.error();
  EXPECT_EQ(driver->calls["cuLaunchKernel"], 1);
  wantedBlocks = INT64_C(1) << 31;
  EXPECT_EQ(s.run(0, a), SEQ_ERR_DEVICE);
  EXPECT_EQ(s.error(), "`scale`: kernel `note`: 2147483648 blocks of 96 threads are wanted, and a "
                       "grid of CUDA device 0 has at most 2147483647: split the batch");
  EXPECT_EQ(driver->calls["cuLaunchKernel"], 1); // nor was the next one tried
}

TEST_F(Cuda, CooperativeLaunches) {
  noting model(SEQ_KERNEL_COOPERATIVE);
  driver.add(model.kernels[0]);
  driver.add(model.kernels[1]);
  driver->last["cooperative"]["arguments"] = 2;
  driver->cooperative = 0;
  {
    device_session s(SEQ_ON_CUDA, model.desc);
    EXPECT_EQ(s.created, SEQ_ERR_MODEL);
    EXPECT_EQ(s.error(), "kernel `note` needs all of its blocks at once, and sm_90 has no "
                         "cooperative launch");
  }
  driver->cooperative = 1;
  device_session s(SEQ_ON_CUDA, model.desc);
  ASSERT_EQ(s.created, SEQ_OK) << s.error();
  reals x(s.ctx, {1, 2}), y(s.ctx, {1, 2});
  call_args a({&x.view, nullptr}, {&y.view});
  wantedBlocks = 8;
  got[1] = 0;
  ASSERT_EQ(s.run(0, a), SEQ_OK) << s.error();
  ASSERT_EQ(seq_ctx_synchronize(s.ctx), SEQ_OK) << s.error();
  EXPECT_EQ(got[1], UINT64_C(0xfedcba9876));
  EXPECT_EQ(driver->last["cuLaunchCooperativeKernel"]["blocks"], 8);
  EXPECT_EQ(driver->last["cuLaunchCooperativeKernel"]["threads"], 96);
  wantedBlocks = 9;
  EXPECT_EQ(s.run(0, a), SEQ_ERR_DEVICE);
  EXPECT_EQ(s.error(),
            "`scale`: kernel `note`: 9 blocks of 96 threads that wait for each other are "
            "wanted, and CUDA device 0 runs 8 at once");
}

// --- errors

TEST_F(Cuda, EveryCallOfTheDriverThatFailsIsNamed) {
  device_session s(SEQ_ON_CUDA, devicePlain);
  reals w(s.ctx, {5}, {1, 2, 3, 4, 5}), y(s.ctx, {2, 2});
  integers i(s.ctx, {2, 2}, {0, 1, 2, 3});
  int64_t own[] = {1, 2};
  call_args a({&w.view, &i.view}, {&y.view}, {{"T", own, 2}});
  ASSERT_EQ(s.run(D_GATHER, a), SEQ_OK) << s.error();
  for (const char *call : {"cuCtxGetCurrent", "cuCtxSetCurrent", "cuPointerGetAttributes",
                           "cuMemsetD8Async", "cuMemcpyHtoDAsync", "cuEventRecord",
                           "cuLaunchKernel", "cuMemcpyDtoHAsync", "cuStreamSynchronize"}) {
    own[0] = 1 - own[0]; // so that lengths are sent
    driver->results[call] = 701;
    EXPECT_EQ(s.run(D_GATHER, a), SEQ_ERR_DEVICE) << call;
    EXPECT_NE(s.error().find(std::string(call)), std::string::npos) << s.error();
    EXPECT_NE(s.error().find("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (as the driver words it)"),
              std::string::npos);
    driver->results.clear();
    driver->current = nullptr;
    EXPECT_EQ(s.run(D_GATHER, a), SEQ_OK) << call << s.error(); // the context goes on
  }
}

// The ring of pinned memory: made at the first copy, and waited for only when it is full.
TEST_F(Cuda, Staging) {
  device_session s(SEQ_ON_CUDA, devicePlain);
  void *p = nullptr;
  int32_t value = 7, back = 0;
  ASSERT_EQ(seq_ctx_alloc(s.ctx, 64, &p), SEQ_OK);
  for (const char *call : {"cuEventCreate", "cuMemAllocHost"}) {
    driver->results[call] = 2;
    EXPECT_EQ(seq_ctx_copy_in(s.ctx, p, &value, 4), SEQ_ERR_MEMORY);
    EXPECT_EQ(s.error(), std::string(call) + ": CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
    driver->results.clear();
  }
  for (int i = 0; i < 8; i++)
    ASSERT_EQ(seq_ctx_copy_in(s.ctx, p, &value, 4), SEQ_OK);
  EXPECT_EQ(driver->calls["cuEventSynchronize"], 0);
  driver->results["cuEventSynchronize"] = 500;
  EXPECT_EQ(seq_ctx_copy_in(s.ctx, p, &value, 4), SEQ_ERR_DEVICE);
  driver->results.clear();
  value = 8;
  ASSERT_EQ(seq_ctx_copy_in(s.ctx, p, &value, 4), SEQ_OK);
  EXPECT_EQ(driver->calls["cuEventSynchronize"], 2);
  value = 9;
  ASSERT_EQ(seq_ctx_copy_out(s.ctx, &back, p, 4), SEQ_OK);
  EXPECT_EQ(back, 8);
  seq_ctx_free(s.ctx, p);
}

TEST_F(Cuda, KernelsThatNoGridHolds) {
  noting model(0);
  model.kernels[1].n_args = 4096;
  driver.add(model.kernels[0]);
  driver.add(model.kernels[1]);
  device_session s(SEQ_ON_CUDA, model.desc);
  EXPECT_EQ(s.created, SEQ_ERR_MODEL);
  EXPECT_EQ(s.error(), "kernel `empty` of 4096 arguments and 32 threads cannot be launched");
  EXPECT_EQ(driver->modules, 0);
}

TEST_F(Cuda, AFaultOfAKernelEndsTheContext) {
  {
    scaling s;
    ASSERT_EQ(s.call(), SEQ_OK);
    driver->kernels["scale"] = [](const std::uint64_t *) { return 700; };
    EXPECT_EQ(s.call(), SEQ_OK); // nobody waited yet
    EXPECT_EQ(seq_ctx_synchronize(s.ctx), SEQ_ERR_DEVICE);
    std::string text = "cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (as the driver words it), "
                       "by this call or by a kernel before it; CUDA device 0 is of no more use to "
                       "this process: start it again";
    EXPECT_EQ(s.error(), text);
    EXPECT_EQ(s.call(), SEQ_ERR_DEVICE);
    EXPECT_NE(s.error().find(text), std::string::npos) << s.error();
    float out = 0;
    EXPECT_EQ(seq_ctx_copy_out(s.ctx, &out, s.y.data, 4), SEQ_ERR_DEVICE);
    EXPECT_EQ(s.error(), text);
    seq_model *more = nullptr;
    EXPECT_EQ(seq_model_create(s.ctx, &deviceSums, &more), SEQ_ERR_DEVICE);
  } // and all of it can be destroyed
  EXPECT_EQ(driver->broken, 700);
}

TEST_F(Cuda, AFaultOfPrepareIsToldByTheBind) {
  device_session s(SEQ_ON_CUDA, deviceLayer);
  driver->kernels["project_prepare"] = [](const std::uint64_t *) { return 700; };
  array w({2, 3}), bias({2});
  const DLTensor *views[] = {&w.view, &bias.view};
  EXPECT_EQ(seq_model_bind(s.model, views, 2), SEQ_ERR_DEVICE);
  EXPECT_EQ(s.error().find("cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS"), 0u) << s.error();
}

TEST_F(Cuda, StatesThatDoNotFit) {
  device_session s(SEQ_ON_CUDA, deviceSums);
  int64_t D = 1024;
  seq_lengths d{"D", &D, 1};
  seq_state_options o{sizeof o, 0, 64, 1 << 20, &d, 1, 0};
  seq_state *state = nullptr;
  EXPECT_EQ(seq_state_create(s.model, &o, &state), SEQ_ERR_MEMORY);
  EXPECT_EQ(state, nullptr);
  EXPECT_EQ(s.error().find("no memory for a state's array of 274877906944 bytes: cuMemAlloc: "), 0u)
      << s.error();
}

TEST_F(Cuda, Wrapper) {
  try {
    seq::context::cuda(5);
    FAIL();
  } catch (const seq::error &e) {
    EXPECT_EQ(e.status(), SEQ_ERR_DEVICE);
    EXPECT_STREQ(e.what(), "there is no CUDA device 5: this process sees 2");
  }
  seq::context ctx = seq::context::cuda();
  EXPECT_EQ(ctx.chip(), 90);
}
