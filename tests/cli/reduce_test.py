#!/usr/bin/env python3
"""Tests gcomp-reduce: what is left of a graph, that it still is interesting, and exit codes.

Usage: reduce_test.py PATH_TO_gcomp-reduce
"""
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOOL = ""

# Regions, a call, symbols, a transposed operand, remarks, and one tanh at the bottom of it.
NESTED = """//! note: what this is about
gir 1 module @m attrs {origin = "test"}

file src = "model.py"

global @unused: f32[] = 0.5

// A layer.
func @layer<s0>(%x: f32[s0, 33], %w: f32[33, 33]) -> (f32[s0, 33]) {
  %wt: f32[33, 33]{1, 33} alias(%w) = transpose(%w, dims = [1, 0]) loc(src:3:1)
  %h: f32[s0, 33] = matmul(%x, %wt)
  %y: f32[s0, 33] = tanh(%h)  // here
  return %y
}

export func @main<s0 in [1, 64] mult 2>(
  %x: f32[s0, 33],
  %w: f32[33, 33],
  %p: bool[],
  %z: f16[7]
) -> (f32[s0, 33], f16[7]) {
  %a: f32[s0, 33] = exp(%x)
  %b: f32[s0, 33], %c: f32[33, 33] = cond(%p, %a, %w)
    then(%a: f32[s0, 33], %v: f32[33, 33]) {
      %t: f32[s0, 33] = invoke @layer(%a, %v)
      %u: f32[s0, 33] = mul(%t, 2.0)
      yield %u, %v
    }
    else(%a: f32[s0, 33], %v: f32[33, 33]) {
      %n: f32[s0, 33] = neg(%a)
      yield %n, %v
    }
  %d: f32[s0, 33] = add(%b, %a)
  %e: f16[7] = sigmoid(%z)
  return %d, %e
}
//! passes: canonicalize, dce
//! diff: @main sizes=(s0=2, s0=4, s0=18) seeds=3
"""


class ReduceTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def run_tool(self, *args, text=None):
        return subprocess.run([TOOL, *args], input=text, capture_output=True, text=True,
                              timeout=300)

    def reduce(self, text, test, *args):
        result = self.run_tool(self.file("in put.ir", text), f"--test={test}", *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_one_op_is_left(self):
        out = self.reduce(NESTED, "grep -q tanh {}", "--interesting=succeeds")
        self.assertEqual(out, """//! note: what this is about
gir 1 module @m

func @layer() -> () {
  %v0: f32[] = tanh(1.0)
  return
}
//! diff: @main
""")

    def test_calls_and_regions_are_inlined(self):
        # What main computes has a tanh in it.
        test = ("case $(sed -n '/export func @main/,/^}/p' {}) in *tanh*) exit 0;; "
                "*'invoke @layer'*) grep -q tanh {};; *) exit 1;; esac")
        out = self.reduce(NESTED, test, "--interesting=succeeds")
        self.assertEqual(out, """//! note: what this is about
gir 1 module @m

export func @main() -> () {
  %v0: f32[] = tanh(1.0)
  return
}
//! diff: @main
""")

    def test_only_what_matters_stays(self):
        # Both branches, the symbol, one pass and one set of sizes are asked for.
        test = ("test $(grep -c cond {}) -eq 1 && grep -q '<s0>' {} && grep -q 'passes:.*dce' {} "
                "&& grep -q s0=18 {} && grep -q 'f16' {}")
        out = self.reduce(NESTED, test, "--interesting=succeeds")
        self.assertIn("//! passes: dce\n//! diff: @main sizes=(s0=18)\n", out)
        self.assertEqual(len(re.findall(r"^ *cond\(%x\d\)$", out, re.M)), 1, out)
        self.assertNotIn(" = ", out)
        self.assertRegex(out, r"%x\d: f32\[s0\]")  # a run has to know the size
        self.assertNotIn("global", out)
        self.assertNotIn("33", out)

    def test_sizes_that_matter_stay(self):
        text = """gir 1 module @m

export func @main(%x: f64[66, 5], %y: f64[330]) -> (f64[330]) {
  %r: f64[330] = reshape(%x, shape = [330])
  %s: f64[330] = add(%r, %y)
  return %s
}
//! diff: @main
"""
        # The size that the reshape asks for follows that of its operand.
        test = r"grep -q 'reshape(%' {} && grep -q 'f[0-9]*\[[0-9]*, 5\]' {}"
        out = self.reduce(text, test, "--interesting=succeeds")
        self.assertEqual(out, """gir 1 module @m

export func @main(%x0: f32[1, 5]) -> () {
  %v0: f32[5] = reshape(%x0, shape = [5])
  return
}
//! diff: @main
""")

    def test_loop(self):
        text = """gir 1 module @m

export func @main(%i: i64[], %x: f32[3, 4], %k: f32[3, 4]) -> (i64[], f32[3, 4], f32[3, 4]) {
  %n: i64[], %y: f32[3, 4], %z: f32[3, 4] = while(carry = [%i, %x, %k], max_trip = 10)
    cond(%i: i64[], %v: f32[3, 4], %k: f32[3, 4]) {
      %go: bool[] = lt(%i, 10)
      yield %go
    }
    do(%i: i64[], %v: f32[3, 4], %k: f32[3, 4]) {
      %s: f32[3, 4] = sin(%v)
      %t: f32[3, 4] = add(%s, %k)
      %i1: i64[] = add(%i, 1)
      yield %i1, %t, %k
    }
  return %n, %y, %z
}
//! diff: @main
"""
        out = self.reduce(text, "grep -q 'while(' {} && grep -q 'lt(' {}", "--interesting=succeeds")
        self.assertEqual(sorted(re.findall(r" = (\w+)\(", out)), ["lt", "while"], out)
        self.assertEqual(re.findall(r"carry = \[([^\]]*)\]", out), ["%x0"], out)

    def test_runs_follow_the_signature(self):
        text = """gir 1 module @m

export func @main(%x: f32[2], %y: f32[2], %z: f32[2]) -> (f32[2], f32[2]) {
  %a: f32[2] = exp(%x)
  %b: f32[2] = neg(%z)
  return %a, %b
}
//! run: @main([1, 2], random(3), [4, 5]) == [2.7, 7.4], [-4, -5] rtol=0.1
"""
        test = ("grep -q 'f32.2. = neg(%' {} && ! grep -q 'return %[xyz]' {} && "
                "grep -q '4, 5.*== .*-4, -5' {}")
        out = self.reduce(text, test, "--interesting=succeeds")
        self.assertIn("//! run: @main([4, 5]) == [-4, -5] rtol=0.1\n", out)

    def test_modules_that_are_not_needed_go(self):
        other = "gir 1 module @other\n\nexport func @f(%x: f32[]) -> (f32[]) {\n  return %x\n}\n"
        text = f"{other}//! print:\n//! ----\n{NESTED}//! ----\n{other}//! print:\n"
        out = self.reduce(text, "grep -q tanh {}", "--interesting=succeeds")
        self.assertNotIn("@other", out)
        self.assertNotIn("----", out)

    def test_exit_code_and_match(self):
        # Exit code 3 and the words "bad exp" are kept, not just any failure.
        test = ("grep -q 'exp(' {} || exit 4; grep -q 'tanh(' {} && echo bad exp and tanh >&2 "
                "|| echo bad exp; exit 3")
        out = self.reduce(NESTED, test)
        self.assertEqual(re.findall(r" = (\w+)\(", out), ["exp"], out)
        out = self.reduce(NESTED, test, "--match=^bad .* tan[h]$")
        self.assertEqual(sorted(re.findall(r" = (\w+)\(", out)), ["exp", "tanh"], out)

    def test_death_by_signal(self):
        out = self.reduce(NESTED, "if grep -q 'exp(' {}; then kill -SEGV $$; fi; exit 1")
        self.assertEqual(re.findall(r" = (\w+)\(", out), ["exp"], out)

    def test_jobs_give_the_same_result(self):
        test = "grep -q 'exp(' {} && grep -q 'tanh(' {}"
        outs = [self.reduce(NESTED, test, "--interesting=succeeds", f"--jobs={n}") for n in (1, 3)]
        self.assertEqual(outs[0], outs[1])

    def test_weights_are_found_and_stay_as_written(self):
        (self.folder / "w.safetensors").write_text("data")
        text = NESTED.replace("%w: f32[33, 33],\n  %p", "%w: f32[33, 33] weight(\"w\"),\n  %p")
        text += "//! weights: w.safetensors\n"
        test = ("grep -q tanh {} && grep -q 'weight(' {} && "
                "grep -q data $(sed -n 's/^.*weights: //p' {})")
        out = self.reduce(text, test, "--interesting=succeeds")
        self.assertIn("//! weights: w.safetensors\n", out)

    def test_output_file_and_progress(self):
        path = self.folder / "out.ir"
        result = self.run_tool(self.file("a.ir", NESTED), "--test=grep -q tanh {}",
                               "--interesting=succeeds", f"--output={path}")
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        self.assertIn("tanh", path.read_text())
        self.assertRegex(result.stderr, r"gcomp-reduce: 1 ops, \d+ tests, [\d.]+ s: done")

    def test_path_is_one_word_for_the_shell(self):
        result = self.run_tool(self.file("a'; touch hacked; '.ir", NESTED),
                               f"--test=cd {self.folder}; grep -q tanh {{}}",
                               "--interesting=succeeds")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse((self.folder / "hacked").exists())

    def test_time_is_over(self):
        # A candidate without exp takes too long, and so do the processes that it starts.
        marker = self.folder / "late"
        test = f"grep -q 'exp(' {{}} || {{ (sleep 3; touch {marker}) & wait; }}"
        start = time.monotonic()
        out = self.reduce(NESTED.replace("33", "3"), test, "--interesting=succeeds",
                          "--timeout=0.2")
        self.assertEqual(re.findall(r" = (\w+)\(", out), ["exp"], out)
        time.sleep(max(0.0, 3.5 - (time.monotonic() - start)))
        self.assertFalse(marker.exists())
        result = self.run_tool(self.file("a.ir", NESTED), "--test=sleep 9; cat {}",
                               "--timeout=0.1")
        self.assertEqual(result.returncode, 2)
        self.assertIn("takes longer than 0.1 s", result.stderr)

    def test_interrupt_writes_what_there_is(self):
        process = subprocess.Popen(
            [TOOL, self.file("a.ir", NESTED), "--test=sleep 0.2; grep -q tanh {}",
             "--interesting=succeeds"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "tests" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("E803", err)
        self.assertIn("tanh", out)

    def test_not_interesting(self):
        path = self.file("a.ir", NESTED)
        result = self.run_tool(path, "--test=echo all is well; cat {} > /dev/null")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("E701", result.stderr)
        self.assertIn("not interesting", result.stderr)
        self.assertIn("all is well", result.stderr)
        result = self.run_tool(path, "--test=grep sinh {}", "--interesting=succeeds")
        self.assertEqual(result.returncode, 2)
        result = self.run_tool(path, "--test=cat {}; exit 1", "--match=sinh")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no line of its output matches `sinh`", result.stderr)

    def test_wrong_use(self):
        path = self.file("a.ir", NESTED)
        for args, message in (
                ((), "file"),
                ((path,), "--test"),
                ((path, "--test=false"), "no `{}`"),
                ((path, "--test=false {}", "--interesting=maybe"), "--interesting"),
                ((path, "--test=false {}", "--match=("), "--match"),
                ((path, "--test=false {}", "--timeout=0"), "--timeout"),
                ((path, "--test=false {}", "--timeout=nan"), "--timeout"),
                ((path, "--test=false {}", "--jobs=0"), "--jobs")):
            result = self.run_tool(*args)
            self.assertEqual((result.returncode, result.stdout), (2, ""), args)
            self.assertIn(message, result.stderr)

    def test_bad_files(self):
        result = self.run_tool(str(self.folder / "none.ir"), "--test=false {}")
        self.assertEqual(result.returncode, 3)
        self.assertIn("E601", result.stderr)
        bad = NESTED.replace("%e: f16[7]", "%e: f16[8]")
        result = self.run_tool(self.file("bad.ir", bad), "--test=false {}")
        self.assertEqual(result.returncode, 3)
        self.assertIn("bad.ir:34:", result.stderr)
        self.assertIn("E504", result.stderr)
        result = self.run_tool(self.file("bad.ir", NESTED + "//! nothing: 1\n"), "--test=false {}")
        self.assertEqual(result.returncode, 3)
        self.assertIn("E501", result.stderr)


if __name__ == "__main__":
    TOOL = sys.argv.pop(1)
    unittest.main()
