/* The CPU as a device: its memory is the host's, and it launches nothing. */
#include "../Core/Internal.h"

#include <stdlib.h>
#include <string.h>

static void destroy(seq_device *device) {
  free(device);
}

static int32_t workers(const seq_device *device) {
  return 1; /* the context's threads count, which it knows itself */
}

static int32_t suits(const seq_device *device, const seq_variant *variant) {
  return variant->kind == SEQ_ON_CPU && variant->level <= device->level;
}

int seq_host_alloc(seq_device *device, int64_t bytes, void **out) {
  device->error.text[0] = 0;
  *out = seq_aligned_alloc(bytes);
  return *out ? SEQ_OK : SEQ_ERR_MEMORY;
}

void seq_host_free(seq_device *device, void *p) {
  seq_aligned_free(p);
}

int seq_host_copy(seq_device *device, void *to, const void *from, int64_t bytes) {
  if (bytes > 0)
    memcpy(to, from, (size_t)bytes);
  return SEQ_OK;
}

int seq_host_zero(seq_device *device, void *p, int64_t bytes) {
  if (bytes > 0)
    memset(p, 0, (size_t)bytes);
  return SEQ_OK;
}

int seq_host_synchronise(seq_device *device) {
  return SEQ_OK;
}

static const seq_device_table table = {.destroy = destroy,
                                       .workers = workers,
                                       .suits = suits,
                                       .alloc = seq_host_alloc,
                                       .free = seq_host_free,
                                       .copy_in = seq_host_copy,
                                       .copy_out = seq_host_copy,
                                       .copy = seq_host_copy,
                                       .zero = seq_host_zero,
                                       .synchronise = seq_host_synchronise};

int seq_cpu_device(seq_device **out, seq_message *err) {
  *out = calloc(1, sizeof **out);
  if (!*out)
    return seq_message_set(err, SEQ_ERR_MEMORY, "no memory for a context");
  **out = (seq_device){
      .table = &table, .kind = SEQ_ON_CPU, .level = seq_cpu_level(), .where = {kDLCPU, 0}};
  return SEQ_OK;
}
