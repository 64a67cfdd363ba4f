#!/usr/bin/env python3
"""Tests gcomp-opt: what it writes, where, and its exit codes.

Usage: opt_test.py PATH_TO_gcomp-opt
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = ""

TEXT = """gir 1 module @m

file src = "model.py"

// A comment.
export func @main(%x: f32[4]) -> (f32[4]) {
  %a: f32[4] = exp(%x) loc(src:3:1)
  %b: f32[4] = exp(%x)  // again
  %c: f32[4] = add(1.0, %a)
  %y: f32[4] = mul(%b, %c)
  return %y
}
"""
AFTER = """gir 1 module @m

file src = "model.py"

// A comment.
export func @main(%x: f32[4]) -> (f32[4]) {
  %a: f32[4] = exp(%x) loc(src:3:1)
  %c: f32[4] = add(%a, 1.0)
  %y: f32[4] = mul(%a, %c)
  return %y
}
"""
FUSED = """gir 1 module @fused

export func @main<s0 in [0, 64]>(%x: f32[s0, 8], %w: f32[8, 8] weight("w")) -> (f32[s0, 8]) {
  %a: f32[s0, 8] = exp(%x)
  %b: f32[s0, 8] = mul(%a, 2.0)
  %c: f32[s0, 8] = matmul(%b, %w)
  %d: f32[s0, 8] = add(%c, %x)
  %y: f32[s0, 8] = tanh(%d)
  return %y
}
"""


def run(*args, text=None):
    return subprocess.run([TOOL, *args], input=text, capture_output=True, text=True, timeout=120)


class OptTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def test_canonical_text_comes_back(self):
        result = run(self.file("m.ir", TEXT))
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, TEXT, ""))

    def test_standard_input_and_output_file(self):
        out = self.folder / "out.ir"
        result = run("-", "-o", str(out), text=TEXT.replace("add(1.0, %a)", "add( 1.0,%a )"))
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        self.assertEqual(out.read_text(), TEXT)

    def test_pipeline(self):
        result = run("-", "--pass-pipeline=canonicalize, cse,dce", "--verify-each", text=TEXT)
        self.assertEqual((result.returncode, result.stdout), (0, AFTER), result.stderr)

    def test_unknown_pass(self):
        result = run("-", "--pass-pipeline=cse,canonicalise", text=TEXT)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("E701", result.stderr)
        self.assertIn("did you mean `canonicalize`", result.stderr)
        self.assertEqual(run("-", "--pass-pipeline=cse,", text=TEXT).returncode, 2)
        self.assertEqual(run("-", "--print-after=nothing", text=TEXT).returncode, 2)

    def test_print_after(self):
        passes = "--pass-pipeline=cse,dce"
        every = run("-", passes, "--print-after", text=TEXT)
        self.assertIn("// after cse\n", every.stderr)
        self.assertIn("// after dce: unchanged\n", every.stderr)
        self.assertIn("mul(%a, %c)", every.stderr)
        one = run("-", passes, "--print-after=dce", text=TEXT)
        self.assertNotIn("// after cse", one.stderr)
        self.assertIn("// after dce", one.stderr)

    def test_timing(self):
        result = run("-", "--pass-pipeline=cse,dce", "--timing", text=TEXT)
        self.assertRegex(result.stderr, r"cse +\d+\.\d+ ms  changed\ndce +\d+\.\d+ ms  unchanged\n")

    def test_places_and_comments_can_be_left_out(self):
        result = run("-", "--no-places", "--no-comments", text=TEXT)
        self.assertNotIn("loc(", result.stdout)
        self.assertNotIn("//", result.stdout)

    def test_all_errors_at_once(self):
        wrong = TEXT.replace("exp(%x) loc", "exp(%q) loc").replace("%c: f32[4] = add", "%c: f64[4] = add")
        path = self.file("wrong.ir", wrong)
        result = run(path)
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn(f"{path}:7:", result.stderr)
        self.assertIn("E502", result.stderr)
        self.assertIn("^", result.stderr)

    def test_no_verify(self):
        wrong = TEXT.replace("%c: f32[4] = add", "%c: f64[4] = add")
        self.assertEqual(run("-", text=wrong).returncode, 3)
        result = run("-", "--no-verify", text=wrong)
        self.assertEqual((result.returncode, result.stdout), (0, wrong))
        self.assertEqual(run("-", "--no-verify", "--pass-pipeline=dce", text=wrong).returncode, 2)

    def test_hash_ignores_names_only(self):
        base = run("-", "--hash", text=TEXT).stdout
        self.assertRegex(base, r"^[0-9a-f]{32} @main\n[0-9a-f]{32} module @m\n$")
        renamed = run("-", "--hash", text=TEXT.replace("%c", "%other")).stdout
        changed = run("-", "--hash", text=TEXT.replace("1.0", "2.0")).stdout
        self.assertEqual(base, renamed)
        self.assertNotEqual(base, changed)

    def test_diff(self):
        path = self.file("old.ir", TEXT)
        same = run(path, "--diff", self.file("same.ir", TEXT.replace("// A comment.\n", "")))
        self.assertEqual((same.returncode, same.stdout), (0, ""))
        renamed = run(path, "--diff", self.file("renamed.ir", TEXT.replace("%c", "%sum")))
        self.assertEqual(renamed.returncode, 0)
        self.assertEqual(renamed.stdout, "@main\n  renamed: %c -> %sum\n")
        other = run(path, "--diff", self.file("other.ir", TEXT.replace("exp(%x)  //", "tanh(%x)  //")))
        self.assertEqual(other.returncode, 1)
        self.assertIn("- %b: f32[4] = exp(%x)", other.stdout)
        self.assertIn("+ %b: f32[4] = tanh(%x)", other.stdout)
        self.assertNotIn("add", other.stdout)
        passes = run(path, "--pass-pipeline=canonicalize,cse", "--diff", self.file("after.ir", AFTER))
        self.assertEqual((passes.returncode, passes.stdout), (0, ""))

    def test_diff_sees_operands_and_headers(self):
        path = self.file("old.ir", TEXT)
        swapped = run(path, "--diff", self.file("swapped.ir", TEXT.replace("mul(%b, %c)", "mul(%c, %b)")))
        self.assertEqual(swapped.returncode, 1)
        hidden = run(path, "--diff", self.file("hidden.ir", TEXT.replace("export func", "func")))
        self.assertEqual(hidden.returncode, 1)
        gone = run(path, "--diff", self.file("gone.ir", TEXT.replace("@main", "@other")))
        self.assertEqual((gone.returncode, gone.stdout), (1, "- func @main\n+ func @other\n"))

    def test_fuse_shows_kernels_and_why_there_are_not_fewer(self):
        graph = self.file("f.ir", FUSED)
        result = run(graph, "--fuse", "--size", "s0=4")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^plan of @main at s0 = 4: 3 steps, ")
        self.assertIn("fused: exp, mul", result.stdout)
        self.assertIn("fused: add, tanh", result.stdout)
        self.assertRegex(result.stdout, r"  not fused: matmul: no loops: .*\n"
                                        r"    %b = mul, %c = matmul\n    %c = matmul, %d = add\n")
        self.assertIn("at s0 = 1:", run(graph, "--fuse").stdout)
        result = run(graph, "--fuse", "--size=s9=4")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no function has a size symbol s9", result.stderr)
        self.assertEqual(run(graph, "--fuse", "--size=s0=x").returncode, 2)

    def test_split_input(self):
        second = TEXT.replace("@m\n", "@n\n")
        result = run("-", "--split-input", text=f"{TEXT}//! ----\n{second}")
        self.assertEqual((result.returncode, result.stdout), (0, f"{TEXT}//! ----\n{second}"))
        broken = run("-", "--split-input", text=f"{TEXT}//! ----\nnothing\n//! ----\n{second}")
        self.assertEqual(broken.returncode, 3)
        self.assertIn(":14:", broken.stderr)
        self.assertIn("@n\n", broken.stdout)

    def test_lists(self):
        passes = run("--list-passes")
        self.assertEqual(passes.returncode, 0)
        self.assertRegex(passes.stdout, r"(?m)^dce +Removes pure ops")
        self.assertRegex(run("--list-ops").stdout, r"(?m)^matmul +Matrix product")

    def test_files_and_usage(self):
        self.assertEqual(run(str(self.folder / "none.ir")).returncode, 3)
        self.assertEqual(run("-", "-o", str(self.folder / "no" / "out.ir"), text=TEXT).returncode, 1)
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("--nonsense").returncode, 2)
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn("gcomp-opt", run("--version").stdout)


if __name__ == "__main__":
    TOOL = sys.argv.pop(1)
    unittest.main()
