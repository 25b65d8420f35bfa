//===- Link.cpp - Objects to libraries ---------------------------------------------===//
//
// lld runs inside this process, on files of a temporary folder. The C library is named by
// its file: neither its headers nor its development links have to be installed.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/Link.h"
#include "compiler/Codegen/TemporaryFolder.h"

#include "lld/Common/CommonLinkerContext.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace seq::codegen {

static const char *const kRuntimeExports[] = {"seq_ctx_create",
                                              "seq_ctx_create_with",
                                              "seq_ctx_destroy",
                                              "seq_ctx_threads",
                                              "seq_last_error",
                                              "seq_last_note",
                                              "seq_ctx_set_parallel",
                                              "seq_ctx_failure",
                                              "seq_ctx_alloc",
                                              "seq_ctx_free",
                                              "seq_ctx_copy_in",
                                              "seq_ctx_copy_out",
                                              "seq_ctx_synchronize",
                                              "seq_ctx_kind",
                                              "seq_ctx_chip",
                                              "seq_ctx_device",
                                              "seq_cuda_probe",
                                              "seq_failure_text",
                                              "seq_cpu_level",
                                              "seq_model_create",
                                              "seq_model_bind",
                                              "seq_model_bind_file",
                                              "seq_model_destroy",
                                              "seq_model_function",
                                              "seq_model_descriptor",
                                              "seq_model_call",
                                              "seq_model_sizes",
                                              "seq_model_output_shape",
                                              "seq_model_workspace_size",
                                              "seq_state_create",
                                              "seq_state_destroy",
                                              "seq_state_size",
                                              "seq_state_call",
                                              "seq_state_step",
                                              "seq_state_output_shape",
                                              "seq_state_workspace_size",
                                              "seq_state_positions",
                                              "seq_state_reset",
                                              "seq_state_has_capacity",
                                              "seq_state_bytes",
                                              "seq_state_save",
                                              "seq_state_restore",
                                              "seq_state_fork",
                                              "seq_state_reorder"};

static std::string versionScript(ArrayRef<std::string> exports) {
  std::string text = "{\n  global:\n";
  for (const std::string &name : exports)
    text += "    " + name + ";\n";
  for (const char *name : kRuntimeExports)
    text += std::string("    ") + name + ";\n";
  return text + "  local: *;\n};\n";
}

static std::string findLibrary(StringRef name) {
  for (StringRef dir : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64",
                        "/usr/lib64", "/usr/lib", "/lib"}) {
    SmallString<128> path(dir);
    sys::path::append(path, name);
    if (sys::fs::exists(path))
      return std::string(path);
  }
  return "";
}

static bool runLinker(ArrayRef<std::string> arguments, std::string &error) {
  std::vector<const char *> args;
  for (const std::string &a : arguments)
    args.push_back(a.c_str());
  std::string out, messages;
  raw_string_ostream outStream(out), errStream(messages);
  bool good = lld::elf::link(args, outStream, errStream, /*exitEarly=*/false,
                             /*disableOutput=*/false);
  lld::CommonLinkerContext::destroy();
  if (!good)
    error = messages;
  return good;
}

bool linkShared(StringRef object, const std::string &name, ArrayRef<std::string> exports,
                std::string &out, std::string &error) {
  TemporaryFolder folder;
  std::string model = folder.write("model.o", object);
  std::string runtime = folder.write("libseqrt.a", runtimeArchive());
  std::string script = folder.write("exports", versionScript(exports));
  std::string result = folder.write("out.so", "");
  if (model.empty() || runtime.empty() || script.empty() || result.empty()) {
    error = "the temporary folder cannot be written";
    return false;
  }
  std::vector<std::string> args = {"ld.lld",
                                   "-shared",
                                   "-o",
                                   result,
                                   "--version-script=" + script,
                                   "--gc-sections",
                                   "--threads=1",
                                   "--strip-debug",
                                   "-Bsymbolic",
                                   "-z",
                                   "defs",
                                   "-z",
                                   "relro",
                                   "-z",
                                   "now",
                                   "-z",
                                   "noexecstack",
                                   "--hash-style=gnu",
                                   "--build-id=none",
                                   "--eh-frame-hdr",
                                   "-soname",
                                   name,
                                   model,
                                   "--whole-archive",
                                   runtime,
                                   "--no-whole-archive",
                                   "--as-needed"};
  for (const char *needed : {"libm.so.6", "libpthread.so.0", "libdl.so.2", "libc.so.6"})
    if (std::string library = findLibrary(needed); !library.empty())
      args.push_back(library);
  if (!runLinker(args, error))
    return false;
  if (readBytes(result, out))
    return true;
  error = "the linked library cannot be read";
  return false;
}

bool makeArchive(StringRef object, std::string &out, std::string &error) {
  auto runtime = object::Archive::create(MemoryBufferRef(runtimeArchive(), "libseqrt.a"));
  if (!runtime) {
    error = toString(runtime.takeError());
    return false;
  }
  std::vector<NewArchiveMember> members;
  members.emplace_back(MemoryBufferRef(object, "model.o"));
  Error iteration = Error::success();
  for (const object::Archive::Child &child : (*runtime)->children(iteration)) {
    auto member = NewArchiveMember::getOldMember(child, /*Deterministic=*/true);
    if (!member) {
      error = toString(member.takeError());
      consumeError(std::move(iteration));
      return false;
    }
    members.push_back(std::move(*member));
  }
  if (iteration) {
    error = toString(std::move(iteration));
    return false;
  }
  auto bytes =
      writeArchiveToBuffer(members, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU,
                           /*Deterministic=*/true, /*Thin=*/false);
  if (bytes)
    out = (*bytes)->getBuffer().str();
  else
    error = toString(bytes.takeError());
  return error.empty();
}

} // namespace seq::codegen
