#!/usr/bin/env python3
"""Tests gcomp-filetest itself: wrong files must fail, each with the right message.

Usage: filetest_test.py PATH_TO_gcomp-filetest
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = ""

HEAD = "gir 1 module @m\n\n"
ADD = """export func @f<s0>(%x: f32[s0], %y: f32[s0]) -> (f32[s0]) {
  %z: f32[s0] = add(%x, %y)
  return %z
}
"""
STATE = """global @n: i64[] mut = 40

export func @f(%x: f32[2] mut) -> (f32[2]) effects [state] {
  %a: i64[] = global.read @n()
  %b: i64[] = add(%a, 1)
  global.write @n(%b)
  %c: f32[] = cast(%b)
  %x1: f32[2] alias(%x) = add_(%x, %c)
  %y: f32[2] = neg(%x)
  return %y
}
"""
TWO_OPS = """export func @f(%x: f32[2]) -> (f32[2]) {
  %a: f32[2] = exp(%x)
  %b: f32[2] = exp(%a)
  return %b
}
"""


def run(*args, env=None):
    return subprocess.run([TOOL, *args], capture_output=True, text=True, env=env, timeout=120)


class FiletestTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "t.ir"

    def tearDown(self):
        self.folder.cleanup()

    def run_text(self, text, *args):
        self.path.write_text(text)
        return run(str(self.path), *args)

    def passes(self, text):
        result = self.run_text(text)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def fails(self, text, line, *parts):
        result = self.run_text(text)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(f"{self.path}:{line}: ", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertRegex(result.stdout, r"1 files, \d+ checks, [1-9]\d* failed\n$")

    # ---- leaves, run-again: ----

    def test_what_a_run_leaves_is_compared(self):
        run_line = "//! run: @f([1, 2]) == [-42, -43] leaves %x = "
        again = "//! run-again: @f([1, 2]) == [-43, -44] leaves %x = [43, 44]\n"
        self.passes(HEAD + STATE + run_line + "[42, 43]\n" + again)
        self.fails(HEAD + STATE + run_line + "[42, 44]\n", 14, "%x after the run: 1 of 2 elements")
        self.fails(HEAD + STATE + run_line + "[42, 43], %x = [42, 43]\n", 14, "%x is named twice")
        self.fails(HEAD + STATE + run_line.replace("%x", "%y") + "[42, 43]\n", 14, "E703", "%y")

    def test_run_again_needs_a_run_before_it(self):
        again = "//! run-again: @f([1, 2]) == [-42, -43]\n"
        self.fails(HEAD + STATE + again, 14, "no run: of @f stands right before")

    # ---- run: ----

    def test_run_right_value_passes(self):
        result = self.passes(HEAD + ADD + "//! run: @f([1, nan], [2, 3]) == [3, nan]\n")
        self.assertRegex(result.stdout, r"^1 files, \d+ checks, 0 failed\n$")

    def test_run_wrong_value_shows_the_first_index(self):
        self.fails(HEAD + ADD + "//! run: @f([1, 2, 3], [1, 1, 1]) == [2, 3.5, 5]\n", 7,
                   "2 of 3 elements differ, first at [1]: got 3.0, expected 3.5")

    def test_run_exact_op_compares_bits(self):
        self.fails(HEAD + ADD + "//! run: @f([-0.0], [-0.0]) == [0.0]\n", 7, "got -0.0, expected 0.0")

    def test_run_nan_is_not_a_number(self):
        self.fails(HEAD + ADD + "//! run: @f([1], [nan]) == [1]\n", 7, "got nan, expected 1.0")
        self.fails(HEAD + ADD + "//! run: @f([1], [1]) == [nan]\n", 7, "got 2.0, expected nan")

    def test_run_infinity_is_not_near_a_number(self):
        self.fails(HEAD + ADD + "//! run: @f([inf], [1]) == [3e38] atol=1e38 rtol=10\n", 7, "got inf")

    def test_run_single_op_uses_its_documented_bound(self):
        one = TWO_OPS.replace("  %b: f32[2] = exp(%a)\n", "").replace("return %b", "return %a")
        self.passes(HEAD + one + "//! run: @f([0, 1]) == [1, 2.7182818]\n")
        self.fails(HEAD + one + "//! run: @f([0, 1]) == [1, 2.7183]\n", 7, "ulp")

    def test_run_several_inexact_ops_need_a_bound(self):
        self.fails(HEAD + TWO_OPS + "//! run: @f([0, 0]) == [2.718282, 2.718282]\n", 8,
                   "write atol=, rtol= or ulp=")
        self.passes(HEAD + TWO_OPS + "//! run: @f([0, 0]) == [2.718282, 2.718282] ulp=4\n")
        self.fails(HEAD + TWO_OPS + "//! run: @f([0, 0]) == [2.72, 2.718282] rtol=1e-5\n", 8,
                   "1 of 2 elements differ, first at [0]")

    def test_run_wrong_shape(self):
        self.fails(HEAD + ADD + "//! run: @f([1, 2], [1, 2]) == [1, 2, 3]\n", 7, "already 2")
        self.fails(HEAD + ADD + "//! run: @f([[1], [2]], [1, 2]) == [1, 2]\n", 7, "rank 1")
        self.fails(HEAD + ADD + "//! run: @f([1, [2]], [1, 2]) == [1, 2]\n", 7, "different ranks")

    def test_run_wrong_counts(self):
        self.fails(HEAD + ADD + "//! run: @f([1]) == [1]\n", 7, "1 arguments for @f, which has 2")
        self.fails(HEAD + ADD + "//! run: @f([1], [1]) == [2], [3]\n", 7, "2 values for @f")

    def test_run_malformed(self):
        self.fails(HEAD + ADD + "//! run: @g([1]) == [1]\n", 7, "no function @g")
        self.fails(HEAD + ADD + "//! run: @f([1], [1]) = [2]\n", 7, "expected `==`")
        self.fails(HEAD + ADD + "//! run: @f([1], [one]) == [2]\n", 7, "expected a number")
        self.fails(HEAD + ADD + "//! run: @f([1], [1]) == [2] tol=3\n", 7, "atol=, rtol= or ulp=")
        self.fails(HEAD + ADD + "//! run: @f([], []) == []\n", 7, "empty[0, 3]")
        self.fails(HEAD + ADD + "//! run: @f([1,\n", 7, "brackets")

    def test_run_goes_on_while_brackets_are_open(self):
        self.passes(HEAD + ADD + "//! run: @f([1,\n//!   2], [3, 4]) == [4,\n//!   6]\n")

    def test_run_made_values(self):
        self.passes(HEAD + ADD + "//! run: @f(iota[3], splat(2)) == [2, 3, 4]\n"
                    "//! run: @f(empty[0], empty[0]) == empty[0]\n")
        self.fails(HEAD + ADD + "//! run: @f(iota, [1]) == [1]\n", 7, "a size is not known")

    def test_run_error(self):
        text = HEAD + ADD.replace("<s0>", "<s0 in [2, 4]>")
        self.passes(text + "//! run-error: @f([1], [1]) E702 s0\n")
        self.fails(text + "//! run-error: @f([1], [1]) E401 s0\n", 7, "the run fails with")
        self.fails(text + "//! run-error: @f([1, 2], [1, 2]) E702\n", 7, "the run succeeds")

    # ---- diff: ----

    def test_diff_passes_and_needs_sizes(self):
        self.passes(HEAD + ADD + "//! diff: @f sizes=(s0=0, s0=17) seeds=2\n")
        self.fails(HEAD + ADD + "//! diff: @f\n", 7, "a size is not known")
        self.fails(HEAD + ADD + "//! diff: @f sizes=(s7=1)\n", 7, "SYMBOL=SIZE")
        self.fails(HEAD + ADD + "//! diff: @f seeds=0\n", 7, "seeds is 1 to 100")

    # ---- passes:, check:, expect: ----

    CSE = HEAD + TWO_OPS.replace("exp(%a)", "exp(%x)").replace("return %b", "return %a") + \
        "//! passes: cse, dce\n"

    def test_check_passes(self):
        self.passes(self.CSE + "//! check-label: func @f\n//! check: %[[v:[a-z]+]]: f32[2] = exp(%x)\n"
                    "//! check-next: return   %[[v]]\n//! check-not: exp\n")

    def test_check_missing(self):
        self.fails(self.CSE + "//! check: tanh\n", 9, "check: no line has `tanh`", "%a: f32[2] = exp(%x)")

    def test_check_next_not_next(self):
        self.fails(self.CSE + "//! check: func @f\n//! check-next: return\n", 10,
                   "check-next: the next line has not `return`")

    def test_check_not_found(self):
        self.fails(self.CSE + "//! check: func\n//! check-not: exp\n//! check: return\n", 10,
                   "check-not: line 4 of the output has `exp`")

    def test_check_count(self):
        self.passes(self.CSE + "//! check-count: 1 exp(\n")
        self.fails(self.CSE + "//! check-count: 2 exp(\n", 9, "1 lines have `exp(`, expected 2")
        self.fails(self.CSE + "//! check-count: exp\n", 9, "check-count: N TEXT")

    def test_check_label_bounds_the_search(self):
        text = HEAD + TWO_OPS + "\n" + TWO_OPS.replace("@f", "@g").replace("exp(", "tanh(")
        self.fails(text + "//! check-label: func @f\n//! check: tanh\n//! check-label: func @g\n", 15,
                   "no line has `tanh`")
        self.fails(text + "//! check-label: func @h\n", 14, "check-label: no line has `func @h`")

    def test_check_capture(self):
        self.fails(self.CSE + "//! check: [[v]]\n", 9, "`[[v]]` was not captured before")
        self.fails(self.CSE + "//! check: [[v:(]]\n", 9, "not a regular expression")
        self.fails(self.CSE + "//! check: exp(%[[v:x]]\n//! check: exp(%[[v]])\n", 10, "no line has")

    def test_passes_unknown(self):
        self.fails(HEAD + TWO_OPS + "//! passes: dcee\n//! check: exp\n", 8, "E701", "did you mean `dce`")

    def test_expect_and_refresh(self):
        text = self.CSE + "//! expect-begin\n//! wrong\n//! expect-end\n//! check: exp\n"
        self.fails(text, 9, "-wrong", "+  return %a")
        self.assertEqual(self.path.read_text(), text)
        result = self.run_text(text, "--refresh")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("refreshed", result.stdout)
        refreshed = self.path.read_text()
        self.assertIn("//!   return %a\n//! }\n//! expect-end\n//! check: exp\n", refreshed)
        self.assertTrue(refreshed.startswith(self.CSE))
        self.passes(refreshed)

    def test_refresh_by_environment(self):
        self.path.write_text(self.CSE + "//! expect-begin\n//! expect-end\n")
        result = run(str(self.path), env={"GCOMP_TEST_REFRESH": "1"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.passes(self.path.read_text())

    def test_refresh_keeps_run_values(self):
        text = HEAD + ADD + "//! run: @f([1], [1]) == [3]\n"
        self.assertEqual(self.run_text(text, "--refresh").returncode, 1)
        self.assertEqual(self.path.read_text(), text)

    # ---- error: ----

    WRONG = HEAD + TWO_OPS.replace("%b: f32[2] = exp(%a)", "%b: f32[2] = exp(%c)")

    def test_error_expected(self):
        self.passes(self.WRONG.replace("  %b:", "  //! error: E502 %c\n  %b:"))

    def test_error_not_expected(self):
        self.fails(self.WRONG + "//! print:\n", 5, "E502")

    def test_error_on_another_line(self):
        text = self.WRONG.replace("  %a:", "  //! error: E502 %c\n  %a:")
        self.fails(text, 6, "not expected: E502")
        self.fails(text, 4, "line 5 has no error `E502 %c`")

    def test_error_other_id_or_text(self):
        self.fails(self.WRONG.replace("  %b:", "  //! error: E504\n  %b:"), 5, "no error `E504`")
        self.fails(self.WRONG.replace("  %b:", "  //! error: E502 nothing like it\n  %b:"), 5, "no error")

    def test_error_missing(self):
        self.fails(HEAD + TWO_OPS.replace("  %b:", "  //! error: E502 %c\n  %b:"), 5,
                   "line 6 has no error `E502 %c`")

    # ---- Files ----

    def test_not_canonical(self):
        self.fails(HEAD + ADD.replace("add(%x, %y)", "add(%x,%y)") + "//! print:\n", 7,
                   "not canonical", "-  %z: f32[s0] = add(%x,%y)", "+  %z: f32[s0] = add(%x, %y)")

    def test_noncanonical_is_said(self):
        self.passes(HEAD + ADD.replace("add(%x, %y)", "add(%x,%y)") +
                    "//! noncanonical: blanks\n//! run: @f([1], [1]) == [2]\n")

    def test_no_directive(self):
        self.fails(HEAD + ADD, 1, "no directive that checks anything")
        self.fails(HEAD + ADD + "//! note: nothing\n", 1, "no directive that checks anything")

    def test_unknown_directive(self):
        self.fails(HEAD + ADD + "//! chek: add\n", 7, "no directive `chek`", "did you mean `check`")

    def test_several_modules_keep_their_lines(self):
        good = HEAD + ADD + "//! run: @f([1], [1]) == [2]\n"
        bad = HEAD + ADD + "//! run: @f([1], [1]) == [5]\n"
        self.fails(good + "//! ----\n" + bad, 15, "expected 5.0")
        self.fails(good + "//! ----\n" + HEAD + "func @f( {\n//! print:\n", 11, "E501")

    def test_usage(self):
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("--nonsense").returncode, 2)
        self.assertEqual(run(str(self.path)).returncode, 3)  # there is no such file
        self.assertEqual(run(self.folder.name).returncode, 2)  # no .ir file in it
        self.assertEqual(run("--help").returncode, 0)

    def test_tiers(self):
        self.path.write_text(HEAD + ADD + "//! run: @f([1], [1]) == [2]\n")
        for tier in ("auto", "interp", "compiled"):
            result = run(str(self.path), f"--tier={tier}")
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(run(str(self.path), "--tier=fast").returncode, 2)

    def test_list_filter_jobs_and_verbose(self):
        folder = pathlib.Path(self.folder.name)
        for name in ("a", "b", "c"):
            (folder / f"{name}.ir").write_text(HEAD + ADD + "//! run: @f([1], [1]) == [2]\n")
        listed = run(self.folder.name, "--list", "--filter=b.ir")
        self.assertEqual(listed.stdout, f"{folder / 'b.ir'}\n")
        result = run(self.folder.name, "--jobs=3", "-v")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("3 files, ", result.stdout)
        self.assertIn("b.ir:7: run: @f([1], [1]) == [2]", result.stdout)


if __name__ == "__main__":
    TOOL = sys.argv.pop(1)
    unittest.main()
