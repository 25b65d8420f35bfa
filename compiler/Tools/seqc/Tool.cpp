//===- Tool.cpp - From arguments to an exit code -------------------------------------===//
#include "compiler/Tools/seqc/Output.h"
#include "compiler/Tools/seqc/Reproducer.h"
#include "compiler/Tools/seqc/Verbs.h"

#include <cstdio>
#include <new>
#include <pthread.h>
#include <unistd.h>

namespace seq::tool {

/// Recursion over programs is bounded, but deep: the main thread's stack is not enough.
constexpr size_t kStackBytes = 256u << 20;

static int dispatch(Session &session) {
  switch (session.options.verb) {
  case Compile:
    return compileVerb(session);
  case Run:
    return runVerb(session);
  case Check:
    return checkVerb(session);
  case Bench:
    return benchVerb(session);
  case Explain:
    return explainVerb(session);
  case Generate:
    return generateVerb(session);
  default:
    break;
  }
  return Good;
}

static int runTool(const std::vector<std::string> &args) {
  Session session;
  session.argv = args;
  if (!parseCommandLine(args, session.options, session.diags))
    return session.finish();
  if (session.options.verb == Help || session.options.verb == Version) {
    std::string text = session.options.verb == Version ? "seqc " SEQC_VERSION "\n"
                                                       : helpText(session.options.topic);
    std::fputs(text.c_str(), args.empty() ? stderr : stdout);
    return session.finish(args.empty() ? WrongUsage : Good);
  }
  installCrashHandler(session);
  return session.finish(dispatch(session));
}

static void outOfMemory() {
  static const char text[] = "seqc: error: not enough memory for this program and its data\n";
  (void)!write(2, text, sizeof text - 1);
  _exit(UserError);
}

namespace {
struct Job {
  std::vector<std::string> args;
  int code = InternalFailure;
};
} // namespace

static void *runJob(void *p) {
  auto *job = static_cast<Job *>(p);
  job->code = runTool(job->args);
  return nullptr;
}

static int onLargeStack(Job &job) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  if (pthread_create(&thread, &attributes, runJob, &job) != 0)
    runJob(&job);
  else
    pthread_join(thread, nullptr);
  return job.code;
}

int runOnLargeStack(int argc, char **argv) {
  std::set_new_handler(outOfMemory);
  occupyStandardStreams();
  Job job;
  job.args.assign(argv + 1, argv + argc);
  return onLargeStack(job);
}

} // namespace seq::tool
