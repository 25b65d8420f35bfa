/* Whole files as bytes. Regular files alone: a pipe or a device has no size to check. */
#include "Internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int seq_message_set(seq_message *err, int status, const char *format, ...) {
  if (!err)
    return status;
  va_list args;
  va_start(args, format);
  vsnprintf(err->text, sizeof err->text, format, args);
  va_end(args);
  return status;
}

static int map_file(int fd, const char *path, seq_bytes *out, seq_message *err) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return seq_message_set(err, SEQ_ERR_IO, "%s: %s", path, strerror(errno));
  if (S_ISDIR(st.st_mode))
    return seq_message_set(err, SEQ_ERR_IO, "%s is a directory", path);
  if (!S_ISREG(st.st_mode))
    return seq_message_set(err, SEQ_ERR_IO, "%s is not a regular file", path);
  *out = (seq_bytes){(const unsigned char *)"", 0, false};
  if (st.st_size == 0)
    return SEQ_OK;
  if ((uint64_t)st.st_size > SIZE_MAX / 2)
    return seq_message_set(err, SEQ_ERR_IO, "%s is too large", path);
  void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return seq_message_set(err, SEQ_ERR_IO, "%s cannot be mapped: %s", path, strerror(errno));
  *out = (seq_bytes){data, (size_t)st.st_size, true};
  return SEQ_OK;
}

int seq_file_load(const char *path, seq_bytes *out, seq_message *err) {
  /* O_NONBLOCK: opening a FIFO that nobody writes must not hang. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return seq_message_set(err, SEQ_ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
  int status = map_file(fd, path, out, err);
  close(fd);
  return status;
}

void seq_file_release(seq_bytes *bytes) {
  if (bytes->mapped)
    munmap((void *)bytes->data, bytes->n);
  *bytes = (seq_bytes){NULL, 0, false};
}
