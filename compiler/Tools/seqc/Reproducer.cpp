//===- Reproducer.cpp - What is left of an internal error ---------------------------===//
#include "compiler/Tools/seqc/Reproducer.h"
#include "compiler/Tools/seqc/Session.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace seq::tool {

static std::string reproducerText(const Session &session) {
  std::string text = "command:";
  for (const std::string &arg : session.argv)
    text += " '" + arg + "'";
  text += "\nstage: " + session.internal.stage + "\n" + session.internal.text + "\n";
  for (uint32_t id = 1; id <= session.sources.size(); ++id)
    text +=
        "---- " + session.sources.path(id) + "\n" + std::string(session.sources.text(id)) + "\n";
  return text;
}

static std::string writeTemporary(const std::string &text) {
  const char *folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/seqc-error-XXXXXX";
  int fd = mkstemp(path.data());
  if (fd < 0)
    return "";
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n <= 0)
      break;
    done += size_t(n);
  }
  close(fd);
  return path;
}

int reportInternalError(Session &session) {
  std::string path = writeTemporary(reproducerText(session));
  std::fprintf(stderr,
               "seqc: internal error in %s; this is a fault of the compiler, not of the program\n",
               session.internal.stage.c_str());
  if (!path.empty())
    std::fprintf(stderr, "seqc: %s holds what is needed to reproduce it\n", path.c_str());
  return InternalFailure;
}

//===----------------------------------------------------------------------===//
// Signals
//===----------------------------------------------------------------------===//

static Session *crashing = nullptr;

/// Best effort: what the signal interrupted may hold the allocator's lock or have broken
/// its memory, so a second signal, or two seconds, end the process at once.
extern "C" void seqcOnSignal(int number) {
  static const char text[] = "seqc: internal error: the compiler was ended by a signal\n";
  (void)!write(2, text, sizeof text - 1);
  for (int s : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM})
    std::signal(s, [](int) { _exit(InternalFailure); });
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  alarm(2);
  if (Session *session = crashing) {
    crashing = nullptr;
    session->internal = {"signal " + std::to_string(number), session->internal.text};
    reportInternalError(*session);
  }
  _exit(InternalFailure);
}

void installCrashHandler(Session &session) {
  crashing = &session;
  static char stack[1 << 16];
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_handler = seqcOnSignal;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (int s : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    sigaction(s, &action, nullptr);
}

} // namespace seq::tool
