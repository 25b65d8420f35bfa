#!/usr/bin/env python3
"""Runs the cases beside this file against a seqc. Needs Python 3 and NumPy.

    run.py [--seqc PATH] [--stage N] [--set real|own|hostile|all] [--only TEXT] [--classes] [--forms] [--target NAME]
           [--jobs N] [--timeout S] [--no-interpret] [-v]

real/, own/      model.seq, inputs, weights.safetensors, expected outputs, case.json:
                 {"entry", "inputs": {NAME: file.npy or value}, "lengths", "weights", "outputs", "rtol_of_max",
                  "stage", "classes": {STATE: CLASS or [CLASSES]}, "args": [...]}
                 `seqc run` compiled and with --interpret: shape, type, NaN and infinities, and the largest error
                 over the largest expected value. --classes compares `seqc explain --json`, --forms runs
                 `seqc check --all-forms`.
hostile/         case.json: {"argv", "exit": N or [N, ...], "stderr_has", "stderr_not", "place": "file[:line[:column]]",
                 "expect": {written file: expected file}, "stage", "needs_limit": left out
                 with --no-limit}; {tmp} in argv is an empty folder. A make.py in a
                 case is run first, in the copy of the case in which seqc runs. Always demanded: the exit code, no signal,
                 no text of a compiler's insides, a message where it fails, no new files, TIMEOUT and 2 GiB at most.

One line per failure; the last line is `N passed, M failed (K skipped)`; exit 1 when any failed.
A case counts once for each thing checked of it (run, interpret, classes, forms, hostile).
"""
import argparse, concurrent.futures, json, os, re, resource, shutil, signal, subprocess, sys, tempfile, threading, time
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
GIB = 1 << 30
INSIDES = [r"Assertion", r"Stack dump", r"PLEASE submit", r"AddressSanitizer", r"UndefinedBehaviorSanitizer", r"\.(cpp|h|inc):\d+:\d+: runtime error:", r"LLVM ERROR",
           r"terminate called", r"std::(bad_alloc|out_of_range|length_error|exception)", r"Traceback \(most recent", r"Segmentation fault",
           r"loc\((unknown|callsite|fused|\")", r"'?\b(seq|linalg|tensor|memref|scf|arith|vector|affine|func|cf|llvm|builtin|bufferization)\.[a-z_]+' op\b",
           r"\bmlir::|\bllvm::", r"failed to legalize", r"unrealized_conversion_cast", r"\bantlr", r"(mismatched|extraneous) input '|no viable alternative"]
INSIDES = [re.compile(p) for p in INSIDES]


class Run:
    """What came of one process."""

    def __init__(s, argv, cwd, timeout, memory=None):
        s.argv, start = argv, time.monotonic()
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()

        def limits():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

        env = dict(os.environ, NO_COLOR="1")
        try:
            p = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=limits, start_new_session=True, env=env)
        except OSError as e:
            s.rc, s.out, s.err, s.late, s.time = 127, "", "cannot start: %s" % e, False, 0
            return
        try:
            s.rc, s.late = p.wait(timeout), False
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            s.rc, s.late = p.wait(), True
        s.time = time.monotonic() - start
        s.out, s.err = (s.read(f) for f in (out, err))

    @staticmethod
    def read(f):
        f.seek(0)
        with f:
            return f.read(64 << 20).decode("utf-8", "replace")

    def bad_end(s, exits):
        if s.late:
            return "took longer than the limit"
        if s.rc < 0 or s.rc >= 128:
            return "ended by signal %d" % (-s.rc if s.rc < 0 else s.rc - 128)
        if s.rc not in exits:
            return "exit %d, not %s" % (s.rc, " or ".join(map(str, exits)))
        return None

    def last(s):
        t = " ".join(s.err.split())
        return " | stderr: " + (t if len(t) < 300 else t[:200] + " ... " + t[-90:]) if t else ""


def compare(got, want, rtol):
    """None, or what is wrong."""
    if got.shape != want.shape:
        return "shape %s, not %s" % (list(got.shape), list(want.shape))
    if got.dtype != want.dtype:
        return "type %s, not %s" % (got.dtype, want.dtype)
    if want.size == 0:
        return None
    if want.dtype.kind not in "fc":
        n = int((got != want).sum())
        return "%d of %d integers differ, first at %s: %s, not %s" % ((n, want.size) + where(got, want, got != want)) if n else None
    for what, f in (("NaN", np.isnan), ("infinity", np.isposinf), ("minus infinity", np.isneginf)):
        d = f(got) != f(want)
        if d.any():
            return "%s differs at %d places, first at %s: %s, not %s" % ((what, int(d.sum())) + where(got, want, d))
    fin = np.isfinite(want)
    if not fin.any():
        return None
    g, w = got.astype(np.float64), want.astype(np.float64)
    e = np.where(fin, np.abs(np.where(fin, g, 0) - np.where(fin, w, 0)), 0)
    top = np.abs(np.where(fin, w, 0)).max()
    if e.max() > rtol * top:
        return "error %.2e of the largest value, allowed %.0e; worst at %s: %r, not %r" % ((e.max() / top if top else np.inf, rtol) + where(g, w, e == e.max()))
    return None


def where(got, want, mask):
    at = tuple(int(i) for i in np.argwhere(mask)[0])
    return list(at), got[at].item(), want[at].item()


def load(p):
    try:
        return np.load(p, allow_pickle=False), None
    except Exception as e:
        return None, "cannot read %s: %s" % (os.path.basename(p), e)


class Runner:
    def __init__(s, a):
        s.a = a
        found = shutil.which(a.seqc)
        s.seqc = os.path.abspath(found) if found else a.seqc
        s.lock, s.passed, s.failed, s.skipped = threading.Lock(), 0, 0, 0

    def report(s, what, bad, note=""):
        with s.lock:
            if bad:
                s.failed += 1
                print("FAIL %s: %s" % (what, bad), flush=True)
            else:
                s.passed += 1
                if s.a.v:
                    print("ok   %s%s" % (what, note), flush=True)

    def run(s, job):
        kind, name, c, d = job
        try:
            s.hostile(name, c, d) if kind == "hostile" else s.good(kind, name, c, d)
        except Exception as e:
            s.report("%s/%s" % (kind, name), "the runner failed: %s: %s" % (type(e).__name__, e))

    # -- programs that must work
    def good(s, kind, name, c, d):
        label = "%s/%s" % (kind, name)
        argv = []
        if c.get("entry"):
            argv.append(c["entry"])
        for n, v in c["inputs"].items():
            argv.append("%s=%s" % (n, v))
        if c.get("lengths") is not None:
            argv.append("lengths=%s" % c["lengths"])
        if c.get("weights"):
            argv += ["--weights", c["weights"]]
        argv += c.get("args") or []
        for mode in [[]] + ([["--interpret"]] if s.a.interpret else []):
            tag = label + (" (interpreted)" if mode else "")
            with tempfile.TemporaryDirectory(prefix="seqc-case.") as tmp:
                r = Run([s.seqc, "run", "model.seq"] + argv + mode + (["--target=" + s.a.target] if s.a.target and not mode else []) + ["--out", tmp], d, s.a.timeout * 6)
                bad = r.bad_end([0])
                if bad:
                    s.report(tag, bad + r.last())
                    continue
                wrong = []
                for o in c["outputs"]:
                    want, e1 = load(os.path.join(d, o))
                    got, e2 = load(os.path.join(tmp, o))
                    e = e1 or e2 or compare(got, want, c.get("rtol_of_max", 2e-5))
                    if e:
                        wrong.append("%s %s" % (o, e))
                extra = sorted(f for f in os.listdir(tmp) if f.endswith(".npy") and f not in c["outputs"])
                if extra:
                    wrong.append("outputs not expected: " + ", ".join(extra))
                s.report(tag, "; ".join(wrong), "  %.2f s" % r.time)
        if s.a.classes and c.get("classes"):
            s.classes(label + " (classes)", c, d, argv)
        if s.a.forms:
            r = Run([s.seqc, "check", "model.seq"] + argv + (["--target=" + s.a.target] if s.a.target else []) + ["--all-forms"], d, s.a.timeout * 12)
            bad = r.bad_end([0])
            s.report(label + " (forms)", bad and bad + " " + " ".join(r.out.split())[-200:] + r.last())

    def classes(s, label, c, d, argv):
        r = Run([s.seqc, "explain", "model.seq"] + argv + ["--json"], d, s.a.timeout * 6)
        bad = r.bad_end([0])
        if bad:
            return s.report(label, bad + r.last())
        try:
            states = [(x["name"], x["class"], x.get("reason")) for scan in json.loads(r.out)["scans"] for x in scan["states"]]
        except Exception as e:
            return s.report(label, "explain --json: %s: %s" % (type(e).__name__, e))
        wrong = []
        for n, want in c["classes"].items():
            want = want if isinstance(want, list) else [want]
            have = [(k, why) for m, k, why in states if m.rstrip("'") == n]
            if not have:
                wrong.append("no state `%s`" % n)
            for k, why in have:
                if k not in want:
                    wrong.append("`%s` is %s, not %s%s" % (n, k, " or ".join(want), " (%s)" % why if why else ""))
        s.report(label, "; ".join(wrong))

    # -- programs and data that must fail well
    def hostile(s, name, c, d):
        label = "hostile/" + name
        if c.get("needs_limit") and not s.a.limit:  # a sanitizer reports the allocation that it refuses
            with s.lock:
                s.skipped += 1
            return
        with tempfile.TemporaryDirectory(prefix="seqc-case.") as top:
            work, tmp = os.path.join(top, "case"), os.path.join(top, "tmp")
            shutil.copytree(d, work, ignore=shutil.ignore_patterns("case.json"))
            os.mkdir(tmp)
            if os.path.exists(os.path.join(work, "make.py")):
                m = subprocess.run([sys.executable, "make.py"], cwd=work, capture_output=True, text=True)
                if m.returncode:
                    with s.lock:
                        s.skipped += 1
                        if s.a.v:
                            print("skip %s: make.py: %s" % (label, m.stderr.strip().splitlines()[-1:]), flush=True)
                    return
            before = files(work)
            r = Run([s.seqc] + [x.replace("{tmp}", tmp) for x in c["argv"]], work, s.a.timeout, 2 * GIB if s.a.limit else None)
            exits = c["exit"] if isinstance(c["exit"], list) else [c["exit"]]
            wrong = []
            bad = r.bad_end(exits)
            if bad:
                wrong.append(bad)
            if r.rc == 0 and not bad:
                for got, want in (c.get("expect") or {}).items():
                    g, e1 = load(os.path.join(tmp, got))
                    w, e2 = load(os.path.join(work, want))
                    e = e1 or e2 or compare(g, w, c.get("rtol_of_max", 2e-5))
                    if e:
                        wrong.append("%s %s" % (got, e))
            elif not r.err.strip():
                wrong.append("no message on stderr")
            for p in INSIDES:
                m = p.search(r.err) or p.search(r.out)
                if m:
                    wrong.append("a compiler's insides in the message: %r" % m.group())
                    break
            if r.rc != 0 or len(exits) == 1:
                for p in c.get("stderr_has") or []:
                    if not re.search(p, r.err):
                        wrong.append("stderr does not hold /%s/" % p)
                for p in c.get("stderr_not") or []:
                    if re.search(p, r.err):
                        wrong.append("stderr holds /%s/" % p)
                if c.get("place") and not re.search(r"(?<![\w.])" + re.escape(c["place"]) + r"(?!\d)", r.err):
                    wrong.append("stderr does not point at %s" % c["place"])
            new = sorted(files(work) - before)
            if new and r.rc != 0:
                wrong.append("left files behind: " + ", ".join(new[:3]))
            s.report(label, "; ".join(wrong) + r.last() if wrong else None, "  exit %d  %.2f s" % (r.rc, r.time))


def files(d):
    return {os.path.relpath(os.path.join(p, f), d) for p, _, fs in os.walk(d) for f in fs}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", default="seqc", help="the compiler (default: the one on PATH)")
    p.add_argument("--stage", type=int, default=99, help="run the cases of this stage and before")
    p.add_argument("--set", default="all", choices=["real", "own", "hostile", "all"])
    p.add_argument("--only", action="append", help="cases whose name is, or holds, this text (may be repeated)")
    p.add_argument("--classes", action="store_true", help="compare the classes of states too")
    p.add_argument("--forms", action="store_true", help="run `seqc check --all-forms` too")
    p.add_argument("--target", help="hand --target=NAME to the compiled runs of real/ and own/")
    p.add_argument("--no-interpret", dest="interpret", action="store_false", help="leave the reference interpreter out")
    p.add_argument("--no-limit", dest="limit", action="store_false", help="no limit on memory (for sanitizers)")
    p.add_argument("--timeout", type=float, default=10, help="seconds for a hostile case; others get six times that")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("-v", action="store_true", help="a line for passes and skips as well")
    a = p.parse_args()
    r, jobs = Runner(a), []
    if not os.path.exists(r.seqc):
        p.error("no seqc at %r" % a.seqc)
    for kind in ("real", "own", "hostile"):
        root = os.path.join(HERE, kind)
        if a.set not in (kind, "all") or not os.path.isdir(root):
            continue
        for name in sorted(os.listdir(root)):
            f = os.path.join(root, name, "case.json")
            if not os.path.exists(f):
                continue
            exact = [t for t in a.only or [] if os.path.exists(os.path.join(root, t, "case.json"))]
            if a.only and not (name in exact or any(t in name for t in a.only if t not in exact)):
                r.skipped += 1
                continue
            try:
                with open(f, encoding="utf-8") as h:
                    c = json.load(h)
            except ValueError as e:
                r.report("%s/%s" % (kind, name), "case.json: %s" % e)
                continue
            if c.get("stage", 2) > a.stage:
                r.skipped += 1
                continue
            jobs.append((kind, name, c, os.path.join(root, name)))
    with concurrent.futures.ThreadPoolExecutor(max(1, a.jobs)) as pool:
        list(pool.map(r.run, jobs))
    print("%d passed, %d failed (%d skipped)" % (r.passed, r.failed, r.skipped))
    return 1 if r.failed or not r.passed else 0


if __name__ == "__main__":
    sys.exit(main())
