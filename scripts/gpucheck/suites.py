"""The project's own suites, on the device: acceptance cases, forms, random programs, streams."""
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIRST_SEED = 9001
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed", re.M)


class Suites:
    def __init__(self, args, log):
        self.args, self.log = args, log

    def script(self, limit, *argv, env=None):
        """(passed, failed, what is wrong with it beside). Its output goes to the log."""
        p = subprocess.Popen([sys.executable, *argv], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True,
                             env=dict(os.environ, **(env or {})))
        try:
            text, late = p.communicate(timeout=limit)[0], ""
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)  # what it started as well
            text, late = p.communicate()[0], f"took longer than {limit:.0f} s"
        self.log.write(f"$ {' '.join(argv)}\n{text}\n")
        self.log.flush()
        for line in text.splitlines():
            if line.startswith("FAIL"):
                print("  " + line[:300], flush=True)
        found = COUNTS.findall(text)
        if late or not found:
            failed = len(re.findall(r"^FAIL", text, re.M))
            return 0, failed + 1, late or f"exit {p.returncode} without counts: {text.strip()[-200:]}"
        passed, failed = map(int, found[-1])
        return passed, failed or int(p.returncode != 0), ""

    def only(self):
        return ["--only", self.args.only] if self.args.only else []

    def cases(self, limit):
        """Each case, and each form that its program has, against the interpreter."""
        total = [0, 0, ""]
        for kind in "own", "real":
            names = os.listdir(os.path.join(ROOT, "test", "Cases", kind))
            if not any(self.args.only in name for name in names):
                continue
            passed, failed, note = self.script(limit, "test/Cases/run.py", "--seqc", self.args.seqc, "--set", kind,
                                               "--target", self.args.target, "--forms", "--no-interpret", "--timeout",
                                               "60", "--jobs", str(self.args.jobs), *self.only())
            total = [total[0] + passed, total[1] + failed, total[2] or note]
        return tuple(total)

    def forms(self, limit):
        """`--only` is of functions here."""
        return self.script(limit, "test/Forms/run.py", "--seqc", self.args.seqc, "--few", *self.only(),
                           env={"SEQC_TARGET": self.args.target})

    def streams(self, limit):
        return self.script(limit, "test/Cuts/run.py", "--seqc", self.args.seqc, "--few", "--jobs", str(self.args.jobs),
                           *self.only(), env={"SEQC_TARGET": self.args.target})

    def programs(self, limit):
        """As many as there is time for, by the time that a few take."""
        def some(count, seed, seconds):
            return self.script(seconds, "test/Fuzz/programs.py", "--seqc", self.args.seqc, "--count", str(count),
                               "--seed", str(seed), "--target", self.args.target, "--jobs", str(self.args.jobs))
        start, few = time.monotonic(), 8 * self.args.jobs
        passed, failed, note = some(few, FIRST_SEED, limit)
        took = time.monotonic() - start
        more = int(0.6 * (limit - took) / (took / few))
        if note or more < few:
            return passed, failed, note
        rest = some(more, FIRST_SEED + few, limit - took)
        return passed + rest[0], failed + rest[1], rest[2]
