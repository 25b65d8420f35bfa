#!/usr/bin/env python3
"""The shrinker on failures that are made up: each program becomes its smallest part that still
fails. Closes with counts.
"""
import os
import re
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from checking import failure
from programs import make
from shrink import replacements, shrink, shrink_arguments, smallest

SCAN = """fn g0(x: [T]) -> [T] {
  let y = 2 * x
  return y
}
fn f(x0: [T, 7], x1: [7], b0: bool[T]) -> [T, 7], [T], [7] {
  let v0[t in 0..T] = 0.5 * tanh(x0[t, 0] + x1[3])
  let v1, v1_y, v1_a, v1_b = scan reverse t in 0..T (a: [7] = 0.0, b: [7] = x1) reset b0[t] or t > 3 {
    a'[d in 0..7] = 0.9 * a[d] + x0[t, d]
    b'[d in 0..7] = sigmoid(x0[t, d]) * b[d] + 0.3 * (a'[d] - v0[t])
    yield b', a
  }
  return v1, v0, v1_a
}
"""


def balanced(text):
    """Brackets and braces close: what a compiler would see first."""
    open_ = []
    for c in text:
        if c in "([{":
            open_.append(c)
        elif c in ")]}" and (not open_ or "([{".index(open_.pop()) != ")]}".index(c)):
            return False
    return not open_


def keeps(*patterns):
    return lambda text: balanced(text) and all(re.search(p, text, re.S) for p in patterns)


class Shrinking(unittest.TestCase):
    def test_a_state_that_another_reads(self):
        small = shrink(SCAN, keeps(r"^fn f\(", r"scan .*\{.*sigmoid\(.*yield", r"\n  return v1"))
        self.assertLessEqual(len(small.split("\n")), 9, small)
        self.assertNotIn("a'", small)
        self.assertNotIn("reset", small)
        self.assertNotIn("reverse", small)
        self.assertNotIn("g0", small)
        self.assertNotIn("v0", small)

    def test_one_result_is_left(self):
        small = shrink(SCAN, keeps(r"fn f\(.*\) -> (\[T\]|\[T, \d\]) \{", r"tanh", r"return v0"))
        self.assertRegex(small, r"-> \[T\] \{\n  let v0\[t in 0..T\] = tanh\(\d(\.\d)?\)\n  return v0\n")

    def test_sizes(self):
        self.assertIn("x0: [T, 0]", shrink(SCAN, keeps(r"x0: \[T, \d\]")))
        self.assertIn("x0: [T, 3]", shrink(SCAN, keeps(r"x0: \[T, [3-7]\]")))

    def test_parts_of_expressions(self):
        found = set(replacements("c ? sum[d in 0..7](w[d] * h[d] where d < 3) : -x"))
        for part in ("(-x)", "w[d]", "c", "c ? w[d] : -x", "c ? (w[d] * h[d]) : -x"):
            self.assertIn(part, found)
        self.assertEqual([], list(replacements("what is (this")))

    def test_random_programs(self):
        """Whatever the program: one statement is left of one that must hold a certain function."""
        for seed in range(1, 40):
            text, _ = make(seed)
            lines = [x for x in text.split("\n") if re.match(r" +let v.*\btanh\(", x)]
            if lines:
                small = shrink(text, keeps(r"(^|\n *)fn ", r"\n +let v[^\n]*\btanh\("), 5000)
                self.assertLess(len(small), 100, small)

    def test_arguments(self):
        needs = lambda args: "--form" in args and any(a.startswith("T=") and "33" in a for a in args)
        self.assertEqual(["--form", "scan", "T=33"],
                         shrink_arguments(["--seed", "3", "--form", "scan", "T=0,33,53", "--cuts"], needs))

    def test_with_a_tool(self):
        """A tool that is wrong where a program has a logsumexp over two threads."""
        with tempfile.TemporaryDirectory() as folder:
            tool = os.path.join(folder, "tool")
            with open(tool, "w", encoding="utf-8") as f:
                f.write(f"#!{sys.executable}\nimport sys\nlse = 'logsumexp' in open(sys.argv[2]).read()\n"
                        "sys.exit(3 if lse and '--threads' in sys.argv else 0)\n")
            os.chmod(tool, 0o755)
            text = SCAN.replace("tanh(x0[t, 0] + x1[3])", "logsumexp[d](x0[t, d])")
            small = smallest(tool, text, ["--seed", "3", "--threads", "2", "T=0,33"], folder, "wrong", 300)
            self.assertTrue(small.startswith("// check: --threads 2\n"), small)
            self.assertIn("logsumexp", small)
            self.assertLess(len(small), 160, small)

    def test_kinds_of_failures(self):
        self.assertIsNone(failure(0, ""))
        self.assertEqual("wrong", failure(3, "out  max |err| 1  WRONG"))
        self.assertEqual("mismatch", failure(3, "WRONG: compiled code fails alone: x"))
        self.assertEqual("E0451", failure(1, "a.seq:1:2: error: this looks ahead [E0451]"))
        self.assertEqual("exit 70: the compiler was ended by a signal",
                         failure(70, "seqc: internal error: the compiler was ended by a signal\nmore"))
        self.assertNotEqual(failure(70, "seqc: internal error in lowering: a"), failure(70, "seqc: internal error in lowering: b"))


if __name__ == "__main__":
    ran = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(ran.failures) + len(ran.errors)
    print(f"{ran.testsRun - bad} passed, {bad} failed")
    sys.exit(bool(bad))
