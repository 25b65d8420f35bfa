/* Opening the CUDA driver's library, and what the machine has. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NODELETE */
#endif
#include "Driver.h"
#include "../Core/Internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *seq_cuda_text(const seq_cuda_driver *driver, cu_result result, const char *call,
                          char *text, size_t bytes) {
  const char *name = NULL, *words = NULL;
  driver->error_name(result, &name);
  driver->error_text(result, &words);
  if (name)
    snprintf(text, bytes, "%s: %s (%s)", call, name, words ? words : "");
  else
    snprintf(text, bytes, "%s: error %d", call, (int)result);
  return text;
}

/* All symbols, or the first that is missing. */
static const char *find_symbols(void *library, seq_cuda_driver *driver) {
  void *found;
#define SEQ_CUDA_FIND(field, symbol, parameters)                                                   \
  if (!(found = dlsym(library, symbol)))                                                           \
    return symbol;                                                                                 \
  memcpy(&driver->field, &found, sizeof found);
  SEQ_CUDA_SYMBOLS(SEQ_CUDA_FIND)
#undef SEQ_CUDA_FIND
#define SEQ_CUDA_FIND(field, symbol, parameters)                                                   \
  found = dlsym(library, symbol);                                                                  \
  memcpy(&driver->field, &found, sizeof found);
  SEQ_CUDA_LATER_SYMBOLS(SEQ_CUDA_FIND)
#undef SEQ_CUDA_FIND
  return NULL;
}

static int start(seq_cuda_driver *driver, seq_message *err) {
  cu_result result = driver->init(0);
  if (result == CU_SUCCESS)
    return SEQ_OK;
  char text[300];
  seq_cuda_text(driver, result, "cuInit", text, sizeof text);
  if (result == CU_NO_DEVICE)
    return seq_message_set(err, SEQ_ERR_DEVICE,
                           "this machine has no CUDA device, or CUDA_VISIBLE_DEVICES hides it: %s",
                           text);
  return seq_message_set(err, SEQ_ERR_DEVICE, "the NVIDIA driver does not start: %s", text);
}

int seq_cuda_open(seq_cuda_driver *driver, int32_t *version, seq_message *err) {
  const char *named = getenv("SEQC_CUDA_DRIVER");
  const char *path = named && *named ? named : "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char *why = dlerror();
    return seq_message_set(err, SEQ_ERR_DEVICE,
                           "the NVIDIA driver's library cannot be opened: %s: install the driver, "
                           "or name its library in SEQC_CUDA_DRIVER",
                           why ? why : path);
  }
  const char *missing = find_symbols(library, driver);
  if (missing)
    return seq_message_set(err, SEQ_ERR_DEVICE,
                           "the NVIDIA driver's library %s has no `%s`: update the driver", path,
                           missing);
  int known = 0;
  if (version && driver->version(&known) == CU_SUCCESS)
    *version = known;
  return start(driver, err);
}

/* --- what the machine has */

/* The call that failed, null where none has. */
static const char *describe(const seq_cuda_driver *driver, int ordinal, seq_cuda_info *info,
                            cu_result *r) {
  cu_device device;
  int major = 0, minor = 0;
  size_t bytes = 0;
  *info = (seq_cuda_info){.chip = 0};
  if ((*r = driver->device_get(&device, ordinal)))
    return "cuDeviceGet";
  if ((*r = driver->device_name(info->name, (int)sizeof info->name, device)))
    return "cuDeviceGetName";
  if ((*r = driver->device_attribute(&major, CU_ATTRIBUTE_MAJOR, device)) ||
      (*r = driver->device_attribute(&minor, CU_ATTRIBUTE_MINOR, device)) ||
      (*r = driver->device_attribute(&info->multiprocessors, CU_ATTRIBUTE_MULTIPROCESSORS, device)))
    return "cuDeviceGetAttribute";
  if ((*r = driver->device_memory(&bytes, device)))
    return "cuDeviceTotalMem";
  info->name[sizeof info->name - 1] = 0;
  info->chip = major * 10 + minor;
  info->memory_bytes = (int64_t)bytes;
  return NULL;
}

static int probe(seq_cuda_info *devices, int32_t most, int32_t *count, int32_t *version,
                 seq_message *err) {
  seq_cuda_driver driver;
  int n = 0;
  int status = seq_cuda_open(&driver, version, err);
  if (status)
    return status;
  cu_result r = driver.device_count(&n);
  const char *call = r ? "cuDeviceGetCount" : NULL;
  for (int i = 0; !call && i < n && i < most; i++)
    call = describe(&driver, i, &devices[i], &r);
  char text[300];
  if (call)
    return seq_message_set(err, SEQ_ERR_DEVICE, "%s",
                           seq_cuda_text(&driver, r, call, text, sizeof text));
  *count = n;
  return n > 0
             ? SEQ_OK
             : seq_message_set(err, SEQ_ERR_DEVICE,
                               "this machine has no CUDA device, or CUDA_VISIBLE_DEVICES hides it");
}

int seq_cuda_probe(seq_cuda_info *devices, int32_t most, int32_t *count, int32_t *driver_version,
                   char *message, int64_t message_bytes) {
  seq_message err = {{0}};
  int32_t n = 0, version = 0;
  int status = probe(devices, devices ? most : 0, &n, &version, &err);
  if (count)
    *count = n;
  if (driver_version)
    *driver_version = version;
  if (message && message_bytes > 0)
    snprintf(message, (size_t)message_bytes, "%s", status ? err.text : "");
  return status;
}
