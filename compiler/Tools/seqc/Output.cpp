//===- Output.cpp - Files and streams that the tool writes ----------------------------===//
#include "compiler/Tools/seqc/Output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace seq::tool {

/// Writes all and closes. False: errno tells why.
static bool writeAndClose(int fd, const std::string &bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      int reason = n < 0 ? errno : EIO;
      close(fd);
      errno = reason;
      return false;
    }
    done += size_t(n);
  }
  return close(fd) == 0;
}

static bool writeByRename(const std::string &path, const std::string &bytes, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  int fd = mkstemp(temporary.data());
  if (fd < 0)
    return false;
  mode_t mask = umask(0);
  umask(mask);
  bool good = fchmod(fd, mode & ~mask) == 0;
  good = writeAndClose(fd, bytes) && good;
  if (good && std::rename(temporary.c_str(), path.c_str()) == 0)
    return true;
  int reason = errno;
  unlink(temporary.c_str());
  errno = reason;
  return false;
}

bool writeFile(Session &session, const std::string &path, const std::string &bytes, unsigned mode) {
  std::error_code code;
  bool isLink = fs::is_symlink(path, code);
  fs::file_status status = fs::status(path, code); // of what a link leads to
  bool good;
  if (fs::exists(status) && (isLink || !fs::is_regular_file(status))) {
    int fd = open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    good = fd >= 0 && writeAndClose(fd, bytes);
  } else
    good = writeByRename(path, bytes, mode);
  if (!good)
    session.diags.error(Diag::OutputFile, path,
                        std::string("cannot be written: ") + std::strerror(errno));
  return good;
}

bool canWrite(Session &session, const std::string &path) {
  std::error_code code;
  fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, code)) {
    session.diags.error(Diag::OutputFile, path,
                        "the folder `" + folder.string() + "` does not exist");
    return false;
  }
  if (!fs::is_directory(path, code))
    return true;
  session.diags.error(Diag::OutputFile, path, "is a folder");
  return false;
}

bool flushStdout(DiagnosticEngine &diags) {
  bool before = std::ferror(stdout);
  errno = 0;
  if (std::fflush(stdout) == 0 && !before)
    return true;
  // The reason of an earlier write that failed is gone.
  diags.error(Diag::OutputFile, "stdout",
              std::string("cannot be written") + (errno ? ": " : "") +
                  (errno ? std::strerror(errno) : ""));
  return false;
}

void occupyStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      // Opened the other way round, so that writing to a closed stdout still fails.
      int got = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
      if (got >= 0 && got != fd)
        close(got);
    }
}

} // namespace seq::tool
