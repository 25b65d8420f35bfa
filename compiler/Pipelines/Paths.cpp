//===- Paths.cpp - Where this compiler is and what is beside it --------------------===//
#include "compiler/Pipelines/Paths.h"

#include <dlfcn.h>
#include <filesystem>
#include <sys/stat.h>

namespace fs = std::filesystem;

namespace seq::pipeline {

std::string ownFile() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&ownFile), &info) && info.dli_fname) {
    std::string path = info.dli_fname;
    if (path.find(".so") != std::string::npos)
      return path;
  }
  std::error_code code;
  return fs::read_symlink("/proc/self/exe", code).string();
}

std::string stdlibFolder() {
  std::error_code code;
  fs::path folder = fs::path(ownFile()).parent_path();
  fs::path installed = (folder / "../share/seqc/stdlib").lexically_normal();
  if (fs::is_directory(installed, code))
    return installed.string();
  if (fs::is_directory(SEQC_SOURCE_STDLIB, code))
    return SEQC_SOURCE_STDLIB;
  return "";
}

std::string buildId() {
  struct stat s = {};
  if (stat(ownFile().c_str(), &s) != 0)
    return "unknown";
  return std::to_string(s.st_ino) + ":" + std::to_string(s.st_size) + ":" +
         std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
}

} // namespace seq::pipeline
