/* The simulator as a device. Its memory is the host's, yet a call's lengths, defaults and
 * parameters are copied as on a GPU, and its kernels may touch the call's arrays alone: code
 * that works here for another reason would not work there. */
#include "Device.h"
#include "../Core/Internal.h"

#include <stdlib.h>

typedef struct sim_device {
  seq_device base;
  seq_sim *sim;
} sim_device;

static seq_sim *sim_of(const seq_device *device) {
  return ((const sim_device *)device)->sim;
}

static void destroy(seq_device *device) {
  seq_sim_destroy(sim_of(device));
  free(device);
}

static int32_t workers(const seq_device *device) {
  return (int32_t)seq_sim_workers(sim_of(device));
}

static int32_t suits(const seq_device *device, const seq_variant *variant) {
  return variant->kind == SEQ_ON_GPUSIM && variant->code &&
         (device->chip == 0 || variant->level <= device->chip);
}

static int launch(seq_device *device, const seq_launch *l) {
  const seq_kernel *kernel = &l->code->kernels[l->kernel];
  if (!kernel->simulated)
    return seq_message_set(&device->error, SEQ_ERR_MODEL,
                           "kernel `%s` was not compiled for the simulator", kernel->name);
  if (!seq_sim_launch(sim_of(device), kernel, l->blocks, l->args))
    return SEQ_OK;
  return seq_message_set(&device->error, SEQ_ERR_DEVICE, "%s", seq_sim_error(sim_of(device)));
}

static int tensor_map(seq_device *device, const seq_tensor_map *tensor, uint64_t *to) {
  /* CUDA's numbers: of the types, and of the swizzle of 128 bytes. */
  seq_sim_tensor in = {.type = tensor->type == SEQ_F16 ? 6 : 9,
                       .rank = (uint32_t)tensor->rank,
                       .base = (void *)(uintptr_t)tensor->base,
                       .swizzle = 3};
  for (int i = 0; i < 5; i++) {
    in.sizes[i] = (uint64_t)tensor->sizes[i];
    in.box[i] = (uint32_t)tensor->box[i];
    in.steps[i] = 1;
    if (i < 4)
      in.strides[i] = (uint64_t)tensor->strides[i];
  }
  if (!seq_sim_tensormap_encode(sim_of(device), to, &in))
    return SEQ_OK;
  return seq_message_set(&device->error, SEQ_ERR_DEVICE, "%s", seq_sim_error(sim_of(device)));
}

static void forget(seq_device *device) {
  seq_sim_forget(sim_of(device));
}

static int allow(seq_device *device, const void *p, int64_t bytes, bool writable,
                 const char *what) {
  if (!seq_sim_allow(sim_of(device), p, bytes, writable, what))
    return SEQ_OK;
  return seq_message_set(&device->error, SEQ_ERR_MEMORY, "no memory for the simulator");
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
                                       .synchronise = seq_host_synchronise,
                                       .launch = launch,
                                       .tensor_map = tensor_map,
                                       .forget = forget,
                                       .allow = allow};

int seq_sim_device(const seq_ctx_options *options, seq_device **out, seq_message *err) {
  if (options->chip < 0)
    return seq_message_set(err, SEQ_ERR_ARGUMENT, "there is no chip sm_%d to simulate",
                           (int)options->chip);
  sim_device *d = calloc(1, sizeof *d);
  if (!d || !(d->sim = seq_sim_create())) {
    free(d);
    return seq_message_set(err, SEQ_ERR_MEMORY, "no memory for a simulator");
  }
  d->base = (seq_device){
      .table = &table, .kind = SEQ_ON_GPUSIM, .chip = options->chip, .where = {kDLCPU, 0}};
  *out = &d->base;
  return SEQ_OK;
}

seq_sim *seq_ctx_sim(const seq_ctx *ctx) {
  return ctx->device->kind == SEQ_ON_GPUSIM ? sim_of(ctx->device) : NULL;
}
