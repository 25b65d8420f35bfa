#!/usr/bin/env python3
"""Work counted from ranges against work counted by doing it. Closes with counts.

    run.py --seqc build/bin/seqc [--only TEXT] [-v]

For the functions of the .seq files beside this one, and for the recurrences of test/Forms in every
form that they have, `seq-opt --seq-interpret --count` runs the function on zeros and tells two
counts of operations of each kind, and of bytes stored: the interpreter's, which adds up what it
does point by point, and that of the analysis (compiler/Analysis/Work.h) for these sizes. They are
the same; the analysis may be above where it says `at most`.

Passes make no work: after all of them a function does at most half as much again as before.

Then growth: the interpreter's count at T, 2 T and 4 T. Recurrences in any form, maps of a step and attention
with a window have differences that double with T; `// work: quadratic` stands before those whose
count has a part that grows with T².
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FORMS = os.path.join(HERE, "..", "Forms", "forms.seq")
SIZES = {"D": 3, "E": 2, "K": 5, "V": 4, "N": 4, "G": 2}
# Whole blocks and chunks at each of them, so that no step is repeated past the end.
LENGTHS = [512, 1024, 2048]
PASSES = ["-seq-classify", "-seq-raise", "-seq-fourier-conv", "-seq-tile-attention", "-seq-decompose",
          "-seq-split-invariant", "-seq-hoist", "-seq-fuse", "-seq-transpose"]


class Counts:
    def __init__(self, args):
        self.seqc = os.path.abspath(args.seqc)
        self.opt = os.path.join(os.path.dirname(self.seqc), "seq-opt")

    def tool(self, *argv):
        r = subprocess.run(argv, capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {' '.join(r.stderr.split())[:300]}")
        return r.stdout

    def module(self, folder, file, name, form):
        """The function in that form, in the seq dialect."""
        plain = os.path.join(folder, f"{name}.mlir")
        self.tool(self.seqc, "compile", file, name, "--emit=seq", "-o", plain, "--quiet")
        if form == "raised":
            passes = ["-seq-raise", "-seq-tile-attention"]
        elif form == "passes":
            passes = PASSES
        else:
            passes = ["-seq-classify", f"-seq-form=form={form}"]
        derived = os.path.join(folder, f"{name}.{form}.mlir")
        self.tool(self.opt, *passes, plain, "-o", derived)
        return derived

    def count(self, module, T):
        """Counted, and by formula, of each kind; whether the formula is an upper bound."""
        sizes = [w for n, v in {**SIZES, "T": T}.items() for w in ("--size", f"{n}={v}")]
        out = self.tool(self.opt, "--seq-interpret", "--count", *sizes, module)
        lines = re.findall(r"^(\w+) (\S+) (\S+) = ", out, re.M)
        if not lines:
            raise RuntimeError(out.strip())
        return {k: (float(a), float(b)) for k, a, b in lines}, "at most" in out


def growth(counts):
    """`linear` or `quadratic`, from the totals at T, 2 T, 4 T; else the differences."""
    a, b, c = (sum(counted for counted, _ in x.values()) for x in counts)
    first, second = b - a, c - b
    if abs(second - 2 * first) <= 1e-9 * c:
        return "linear"
    return "quadratic" if second > 3 * first else f"{first} then {second}"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--only", default="")
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    counts = Counts(args)
    jobs = []
    for file in sorted(glob.glob(os.path.join(HERE, "*.seq"))):
        with open(file, encoding="utf-8") as f:
            for want, name in re.findall(r"^// work: (\w+)\nfn (\w+)", f.read(), re.M):
                jobs += [(file, name, "sequential", want), (file, name, "passes", want)]
                if want != "linear" or name == "windowed":
                    jobs.append((file, name, "raised", want))
    with open(FORMS, encoding="utf-8") as f:
        for forms, name in re.findall(r"^// forms:(.*)\nfn (\w+)", f.read(), re.M):
            jobs.append((FORMS, name, "passes", "linear"))
            jobs += [(FORMS, name, form, "linear") for form in ["sequential", *forms.split()]]

    def one(job):
        file, name, form, want = job
        with tempfile.TemporaryDirectory() as folder:
            module = counts.module(folder, file, name, form)
            if form == "passes":
                plain = counts.module(folder, file, name, "sequential")
                before, after = (sum(v for k, (v, _) in counts.count(m, 96)[0].items() if k != "stored")
                                 for m in (plain, module))
                return None if after <= 1.5 * before else f"{before} operations have become {after}"
            if form != "raised":
                for T in (1, 7, 16, 50):
                    found, bound = counts.count(module, T)
                    off = {k: v for k, v in found.items()
                           if (v[0] - v[1] if bound else abs(v[0] - v[1])) > 1e-9 * v[1]}
                    if off:
                        return f"at T = {T}, counted and by formula: {off}"
                    if bound and form in ("sequential", "chunked"):
                        return f"at T = {T}: its ranges are only bounded"
            lengths = [T // 4 for T in LENGTHS] if want == "quadratic" else LENGTHS
            have = growth([counts.count(module, T)[0] for T in lengths])
            # Naming the scores makes all of them; in tiles, those in the window alone.
            if name == "windowed" and form == "sequential":
                want = "quadratic"
            return None if have == want else f"grows {have}, not {want}"

    failed = 0
    jobs = [j for j in jobs if args.only in j[1]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [(job, pool.submit(one, job)) for job in jobs]
        for (_, name, form, _), future in futures:
            try:
                wrong = future.result()
            except RuntimeError as e:
                wrong = str(e)
            failed += wrong is not None
            if wrong:
                print(f"FAIL {name} {form}: {wrong}")
            elif args.v:
                print(f"ok   {name} {form}")
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
