#!/usr/bin/env python3
"""Tests of gcomp-run's command line: flags, exit codes, streams, files, the JSON report.

Usage: run_test.py BIN_FOLDER SOURCE_FOLDER [unittest arguments]
"""
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
RUN = str(BIN / "gcomp-run")
DIGITS = SOURCE / "examples/digits"

DOUBLE = """gir 1 module @double

export func @main<s0 in [2, 64]>(%x: f32[s0], %n: i64[s0]) -> (f32[s0], i64[s0]) {
  %y: f32[s0] = add(%x, %x)
  %m: i64[s0] = add(%n, %n)
  return %y, %m
}
"""
TWO_FUNCTIONS = """gir 1 module @two

export func @neg(%x: f32[2]) -> (f32[2]) {
  %y: f32[2] = neg(%x)
  return %y
}

export func @pos(%x: f32[2]) -> (f32[2]) {
  %y: f32[2] = abs(%x)
  return %y
}
"""
WEIGHTED = """gir 1 module @weighted

export func @main(%x: f32[2], %w: f32[2] weight("layer.w"), %b: f32[3] weight("b")) -> (f32[2]) {
  %y: f32[2] = mul(%x, %w)
  return %y
}
"""
CHAIN = """gir 1 module @chain

export func @main<s0 in [3, 64]>(%x: f32[s0], %w: f32[]) -> (f32[s0]) {
  %a: f32[s0] = mul(%x, %w)
  %y: f32[s0] = exp(%a)
  return %y
}
"""
FAILS = """gir 1 module @fails

export func @main(%x: f32[2, 3]) -> (f32[1, 3]) {
  %i: i64[1] = const([2])
  %y: f32[1, 3] = index_select(%x, %i)
  return %y
}
"""


def npy(descr, shape, data, fortran=False):
    """The bytes of a .npy file."""
    head = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def floats(*values):
    return npy("<f4", f"({len(values)},)", struct.pack(f"<{len(values)}f", *values))


def read_floats(data):
    """The elements of a .npy file of f32."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    (length,) = struct.unpack("<H", data[8:10])
    assert b"'<f4'" in data[10 : 10 + length]
    body = data[10 + length :]
    return list(struct.unpack(f"<{len(body) // 4}f", body))


def safetensors(tensors):
    """The bytes of a safetensors file of 1-d f32 tensors."""
    header, data = {}, b""
    for name, values in tensors.items():
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [begin, len(data)]}
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.double = self.file("double.ir", DOUBLE)
        self.two = self.file("two.ir", TWO_FUNCTIONS)
        self.weighted = self.file("weighted.ir", WEIGHTED)
        self.chain = self.file("chain.ir", CHAIN)
        self.fails = self.file("fails.ir", FAILS)

    def path(self, name):
        return str(pathlib.Path(self.folder.name) / name)

    def file(self, name, content):
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(self.path(name), mode) as out:
            out.write(content)
        return self.path(name)

    def run_tool(self, *arguments, stdin=b"", code=0, env=None):
        """Runs gcomp-run, checks the exit code, returns (stdout, stderr)."""
        result = subprocess.run([RUN, *arguments], input=stdin, capture_output=True, timeout=120,
                                env={**os.environ, **(env or {})})
        self.assertEqual(result.returncode, code,
                         f"{arguments}\n{result.stdout!r}\n{result.stderr.decode()}")
        return result.stdout, result.stderr.decode()

    def double_y(self, *arguments, **kwargs):
        """Result 0 of @double for these arguments."""
        out, _ = self.run_tool(self.double, "--output=-", *arguments, **kwargs)
        return read_floats(out)

    # ---- Usage

    def test_help_tells_all_flags_and_examples(self):
        out, err = self.run_tool("--help")
        for flag in ("--tier", "--function", "--weights", "--input", "--size", "--output",
                     "--expected-output", "--rtol", "--atol", "--warmup", "--iterations",
                     "--duration", "--callers", "--threads", "--percentile", "--json", "--profile",
                     "--explain", "--dump-llvm", "--dump-asm", "--list",
                     "--dry-run", "--log", "--version", "Examples:", "Exit codes:"):
            self.assertIn(flag, out.decode())
        self.assertEqual(err, "")

    def test_version(self):
        out, _ = self.run_tool("--version")
        self.assertRegex(out.decode(), r"^gcomp-run \d+\.\d+\.\d+ \(commit \w+(-dirty)?\)\n"
                                       r"IR format \d+\noneDNN [\w.]+\nLLVM [\w.]+\ncompiler ")

    def test_usage_errors_are_exit_code_2(self):
        for arguments in ([], [self.double, "--no-such-flag"], [self.double, "extra"],
                          [self.double, "--tier=fast"], [self.double, "--iterations=0"],
                          [self.double, "--iterations=x"], [self.double, "--callers=0"],
                          [self.double, "--threads=-1"], [self.double, "--explain=all"],
                          [self.double, "--duration=3"], [self.double, "--duration=-1s"],
                          [self.double, "--percentile=0"], [self.double, "--percentile=101"],
                          [self.double, "--percentile=nan"], [self.double, "--rtol=-1"],
                          [self.double, "--log=loud"], [self.double, "--output=y.txt"],
                          [self.double, "--function=other"], [self.two],
                          [self.double, "--list", "--iterations=1"],
                          [self.double] + ["--output=-"] * 3,
                          [self.double, "--input=-", "--input=n=-"], ["-", "--input=-"]):
            out, err = self.run_tool(*arguments, code=2, stdin=DOUBLE.encode())
            self.assertEqual(out, b"", arguments)
            self.assertRegex(err, r"^gcomp-run: error: E70[13]: ", arguments)

    def test_json_and_output_cannot_share_stdout(self):
        out, _ = self.run_tool(self.double, "--json", "--output=-", code=2)
        self.assertEqual(json.loads(out)["error"]["id"], "E701")

    def test_bad_specs_are_exit_code_2(self):
        for spec in ("x=", "x=2xf33=1", "=1", "x=2xf32=1 2 3", "x=2xf32=one", "z=1", "x=random:y",
                     "n=2xi64=1.5", "x=1 2 3 4", "@"):
            # Four elements are well written; they don't fit the size 2 that nothing else tells.
            code = 1 if spec == "x=1 2 3 4" else 2
            _, err = self.run_tool(self.double, f"--input={spec}", code=code)
            self.assertIn("error: E70", err, spec)
        for size in ("s0", "s0=", "s0=x", "t=3", "s0=-1"):
            self.run_tool(self.double, f"--size={size}", code=2)
        self.run_tool(self.double, "--size=s0=4", "--size=s0=5", code=2)
        self.run_tool(self.double, "--input=x=1", "--input=x=2", code=2)
        self.run_tool(self.double, "--input=1", "--input=1", "--input=1", code=2)
        self.run_tool(self.double, "--input=random:1", "--input=random:2", code=2)

    # ---- Models

    def test_bad_models_are_exit_code_3(self):
        _, err = self.run_tool("/nonexistent.ir", code=3)
        self.assertIn("E601", err)
        bad = self.file("bad.ir", DOUBLE.replace("add(%x, %x)", "ad(%x, %z)"))
        out, err = self.run_tool(bad, code=3)
        self.assertEqual(out, b"")
        self.assertIn("bad.ir:4:", err)
        self.assertIn("^", err)

    def test_graph_from_stdin(self):
        out, _ = self.run_tool("-", "--output=-", "--input=x=2xf32=1 2", stdin=DOUBLE.encode())
        self.assertEqual(read_floats(out), [2, 4])

    def test_function_is_chosen_by_name(self):
        for name, want in (("neg", [-1, 2]), ("@pos", [1, 2])):
            out, _ = self.run_tool(self.two, f"--function={name}", "--input=x=1 -2", "--output=-")
            self.assertEqual(read_floats(out), want)

    def test_list(self):
        out, _ = self.run_tool(self.weighted, "--list")
        self.assertIn("weight  layer.w: f32[2]", out.decode())
        out, _ = self.run_tool(self.double, "--list", "--json")
        (function,) = json.loads(out)["functions"]
        self.assertEqual(function["name"], "main")
        self.assertEqual([p["name"] for p in function["inputs"]], ["x", "n"])
        self.assertEqual([p["type"] for p in function["outputs"]], ["f32[s0]", "i64[s0]"])

    def test_limits_are_exit_code_4(self):
        wide = self.file("wide.ir", DOUBLE.replace("in [2, 64]", "in [2, inf]"))
        _, err = self.run_tool(wide, "--size=s0=2305843009213693951", code=4)
        self.assertRegex(err, r"E80[12]")

    def test_bad_cpu_level_is_told(self):
        _, err = self.run_tool(self.double, env={"GCOMP_CPU": "v9"}, code=2)
        self.assertIn("GCOMP_CPU", err)

    # ---- Inputs

    def test_forms_of_inputs(self):
        for specs, want in ((["x=3xf32=1 2 3"], [2, 4, 6]), (["3xf32=[1, 2, 3]"], [2, 4, 6]),
                            (["%x=2xf32=0.5"], [1, 1]), (["x=0.25", "n=3xi64=1"], [0.5] * 3),
                            (["x=3xf32=iota"], [0, 2, 4]), (["x=-1"], [-2, -2]),
                            (["x=2xf32=inf -0.125"], [float("inf"), -0.25])):
            self.assertEqual(self.double_y(*[f"--input={spec}" for spec in specs]), want, specs)

    def test_sizes_come_from_inputs_flags_or_the_least(self):
        self.assertEqual(len(self.double_y()), 2)
        self.assertEqual(len(self.double_y("--size=s0=7")), 7)
        self.assertEqual(len(self.double_y("--input=n=5xi64=0")), 5)

    def test_npy_inputs(self):
        x = self.file("x.npy", floats(1, 2, 3))
        self.assertEqual(self.double_y(f"--input=@{x}"), [2, 4, 6])
        self.assertEqual(self.double_y("--input=x=-", stdin=floats(4, 5)), [8, 10])
        self.assertEqual(self.double_y(f"--input=x=3xf32=@{x}"), [2, 4, 6])
        self.run_tool(self.double, f"--input=x=2xf32=@{x}", code=2)
        self.run_tool(self.double, "--input=x=-", stdin=b"no array", code=3)
        self.run_tool(self.double, "--input=@/nonexistent.npy", code=3)

    def test_random_is_the_documented_recipe(self):
        # The first outputs of std::mt19937_64(5489), as the C++ standard's own check value has them.
        first = 14514284786278117030
        (x, _) = self.double_y("--input=x=random:5489")
        self.assertEqual(x, 2 * ((first >> 40) * 2.0**-23 - 1))
        self.assertEqual(self.double_y("--input=random:7"), self.double_y("--input=x=random:7"))
        self.assertNotEqual(self.double_y("--input=random:7"), self.double_y())
        _, err = self.run_tool(self.double)
        self.assertIn("random inputs, seed 0: %x %n", err)

    def test_all_wrong_inputs_are_told_at_once(self):
        _, err = self.run_tool(self.double, "--input=x=2x2xf32=0", "--input=n=3xi32=0", code=1)
        self.assertIn("E702: 2 of 2 inputs of @main do not fit", err)
        self.assertIn("%x: f32[s0]: must be", err)
        self.assertIn("%n: i64[s0]: must be", err)
        _, err = self.run_tool(self.double, "--input=x=2xf32=0", "--input=n=3xi64=0", code=1)
        self.assertIn("%n: i64[s0]: must be i64[2] with s0 = 2, is i64[3]", err)
        _, err = self.run_tool(self.double, "--input=x=65xf32=0", code=1)
        self.assertIn("must lie in [2, 64]", err)

    # ---- Weights

    def test_weights(self):
        good = self.file("w.safetensors", safetensors({"layer.w": [2, 3], "b": [0, 0, 0]}))
        out, _ = self.run_tool(self.weighted, f"--weights={good}", "--input=10", "--output=-")
        self.assertEqual(read_floats(out), [20, 30])
        self.run_tool(self.weighted, "--weights=random:3")
        bad = self.file("v.safetensors", safetensors({"layer.w": [2, 3, 4]}))
        _, err = self.run_tool(self.weighted, f"--weights={bad}", code=3)
        self.assertIn("E603: 2 of 2 weights", err)
        self.run_tool(self.weighted, code=3)
        broken = self.file("u.safetensors", safetensors({"layer.w": [2, 3]})[:-1])
        _, err = self.run_tool(self.weighted, f"--weights={broken}", code=3)
        self.assertIn("E602", err)

    # ---- Outputs

    def test_outputs_to_files(self):
        one, many, store = self.path("y.npy"), self.path("all.npz"), self.path("all.safetensors")
        out, _ = self.run_tool(self.double, "--input=x=3xf32=1 2 3", "--input=n=4",
                               f"--output=@{one}", f"--output=@{many}", f"--output=@{store}")
        self.assertEqual(out, b"")
        with open(one, "rb") as file:
            self.assertEqual(read_floats(file.read()), [2, 4, 6])
        for path in (many, store):
            self.run_tool(self.double, "--input=x=3xf32=1 2 3", "--input=n=4",
                          f"--expected-output=@{path}")
            # The results are inputs again: x takes y by its key.
            self.assertEqual(self.double_y(f"--input=x=@{path}:y"), [4, 8, 12])
            _, err = self.run_tool(self.double, f"--input=x=@{path}:z", code=3)
            self.assertRegex(err, "it has: (y, m|m, y)$")
        self.run_tool(self.double, "--output=@/nonexistent/y.npy", code=1)

    def test_results_are_printed_as_text(self):
        out, _ = self.run_tool(self.double, "--input=x=2xf32=1 2", "--input=n=-3")
        self.assertEqual(out.decode(), "%y: f32[2]\n[2.0, 4.0]\n%m: i64[2]\n[-6, -6]\n")

    def test_expected_output(self):
        given = ["--input=x=2xf32=1 2", "--input=n=3"]
        out, _ = self.run_tool(self.double, *given, "--expected-output=2xf32=2 4",
                               "--expected-output=m=6")
        self.assertIn("%y: 2 elements agree", out.decode())
        out, err = self.run_tool(self.double, *given, "--expected-output=2 5", code=1)
        self.assertIn("E704", err)
        self.assertIn("[1]: 4.0, expected 5.0", err)
        self.assertIn("the largest error is 1", err)
        self.run_tool(self.double, *given, "--expected-output=2 5", "--atol=1")
        self.run_tool(self.double, *given, "--expected-output=2 5", "--rtol=0.2")
        self.run_tool(self.double, *given, "--expected-output=m=7", "--atol=1", code=1)
        self.run_tool(self.double, *given, "--expected-output=3xf32=2", code=1)
        self.run_tool(self.double, "--input=x=2xf32=nan inf", "--expected-output=nan inf")

    # ---- Benchmarks and reports

    def test_json_report(self):
        out, _ = self.run_tool(self.double, "--iterations=50", "--warmup=3", "--callers=2",
                               "--percentile=50,99.9", "--profile", "--json", "--input=random:5")
        report = json.loads(out)
        self.assertEqual(report["schema_version"], 2)
        self.assertEqual((report["module"], report["function"], report["tier"]),
                         ("double", "main", "auto"))
        self.assertEqual((report["iterations"], report["warmup_runs"], report["callers"],
                          report["threads"]), (100, 6, 2, 1))
        self.assertEqual(list(report["latency_us"]), ["min", "mean", "p50", "p99.9", "max"])
        latency = report["latency_us"]
        self.assertLessEqual(latency["min"], latency["p50"])
        self.assertLessEqual(latency["p50"], latency["max"])
        self.assertGreater(report["first_run_us"], 0)
        self.assertGreater(report["throughput"], 0)
        self.assertEqual(report["outputs"], [{"name": "y", "dtype": "f32", "shape": [2]},
                                             {"name": "m", "dtype": "i64", "shape": [2]}])
        self.assertEqual({op["op"] for op in report["profile"]}, {"add"})
        # Each caller: 50 measured and 3 for warm-up; the first run belongs to one of them.
        self.assertEqual(report["profile"][0]["calls"], 2 * 53 + 1)
        self.assertIn("specialized", [event["reason"] for event in report["events"]])
        for key in ("gcomp", "commit", "compiler", "onednn", "llvm", "cpu_level", "cpu_flags", "cores",
                    "seed", "variables"):
            self.assertIn(key, report["environment"])
        self.assertEqual(report["environment"]["seed"], 5)
        self.assertFalse(report["interrupted"])
        self.assertIsNone(report["error"])

    def test_json_of_a_single_run_and_of_errors(self):
        path = self.path("report.json")
        self.run_tool(self.double, f"--json={path}", "--expected-output=y=100", code=1,
                      env={"GCOMP_CPU": "v3"})
        with open(path) as file:
            report = json.load(file)
        self.assertEqual(report["iterations"], 0)
        self.assertIsNone(report["latency_us"])
        self.assertEqual(report["error"]["id"], "E704")
        self.assertFalse(report["comparisons"][0]["equal"])
        self.assertEqual(report["environment"]["variables"]["GCOMP_CPU"], "v3")
        self.assertEqual(report["environment"]["cpu_level"], "x86-64-v3")
        out, _ = self.run_tool(self.double, "--json", "--input=x=2x2xf32=1", code=1)
        self.assertEqual(json.loads(out)["error"]["id"], "E702")
        self.run_tool(self.double, "--json=/nonexistent/r.json", code=1)

    def test_benchmark_text(self):
        out, _ = self.run_tool(self.double, "--duration=50ms", "--warmup=1ms")
        for word in ("load", "first run", "warm-up", "measured", "latency", "p99", "throughput"):
            self.assertIn(word, out.decode())
        out, err = self.run_tool(self.double, "--iterations=2", "--output=-")
        self.assertEqual(len(read_floats(out)), 2)
        self.assertIn("throughput", err)

    def test_profile_goes_to_stderr(self):
        out, err = self.run_tool(self.double, "--profile", "--output=-")
        self.assertEqual(len(read_floats(out)), 2)
        self.assertRegex(err, r"us/call +op +where\n(.*add +@main %[ym]\n){2}")

    def test_interrupt_gives_the_partial_summary(self):
        process = subprocess.Popen([RUN, self.double, "--duration=60s", "--warmup=1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertIn("(interrupted)", out.decode())
        self.assertIn("throughput", out.decode())

    def test_explain_tells_what_a_run_did(self):
        _, err = self.run_tool(self.chain, "--explain")
        self.assertIn("@main at s0 = 3: 2 steps", err)
        self.assertRegex(err, r"event \d+: specialized @main s0 = 3")

    # ---- Tiers

    def test_tiers_agree(self):
        want, _ = self.run_tool(self.chain, "--tier=interp", "--output=-")
        for tier in ("auto", "compiled"):
            for threads in (0, 1, 2):
                got, _ = self.run_tool(self.chain, f"--tier={tier}", f"--threads={threads}",
                                       "--output=-")
                self.assertEqual(got, want, (tier, threads))

    def test_plan_is_told_before_the_run(self):
        out, err = self.run_tool(self.chain, "--tier=interp", "--explain=plan")
        self.assertRegex(err, r"plan of @main at s0 = 3: 2 steps, 64 bytes of buffers, at most 12 "
                              r"in use\n"
                              r"  step 0 +mul +reads 16 B, writes 12 B, 3 operations; "
                              r"%a at 0 \(12 B\) until 1; live before it: 2 \(16 B\)\n"
                              r"  step 1 +exp +reads 12 B, writes 12 B, \d+ operations; "
                              r"%y to output 0; live before it: 1 \(12 B\)\n")
        # A check that fails when it runs comes behind the plan.
        _, err = self.run_tool(self.fails, "--explain=plan", code=1)
        self.assertLess(err.index("plan of @main"), err.index("E401"))

    def test_compiled_steps_and_their_code(self):
        if not self.compiles():
            self.skipTest("this build does not compile")
        folder = self.path("code")
        _, err = self.run_tool(self.chain, "--tier=compiled", "--explain", f"--dump-llvm={folder}",
                               f"--dump-asm={folder}")
        self.assertIn("%y: f32[s0] = fused: mul, exp", err)
        self.assertRegex(err, r"event \d+: compiled @main 1 kernels of 2 ops in [\d.]+ ms; \d+ bytes")
        llvm = pathlib.Path(folder, "main-0.ll").read_text()
        self.assertTrue(llvm.startswith("; @main: mul, exp\n"), llvm[:100])
        self.assertIn("define", llvm)
        self.assertIn("ret", pathlib.Path(folder, "main-0.s").read_text())
        _, err = self.run_tool(self.chain, "--tier=compiled", "--profile")
        self.assertIn("fused: mul, exp", err)
        self.run_tool(self.chain, "--tier=compiled", f"--dump-llvm={self.chain}", code=1)

    def compiles(self):
        return b"LLVM none" not in self.run_tool("--version")[0]

    def test_dry_run_runs_nothing(self):
        out, _ = self.run_tool(self.double, "--dry-run", "--json")
        self.assertIsNone(json.loads(out)["first_run_us"])
        self.run_tool(self.double, "--dry-run", "--input=x=2x2xf32=1", code=1)

    # ---- The example

    def test_digits(self):
        self.run_tool(str(DIGITS / "digits.ir"), f"--weights={DIGITS}/digits.safetensors",
                      f"--input=@{DIGITS}/test_images.npy",
                      f"--expected-output=@{DIGITS}/test_probs.npy", "--atol=1e-5")
        result = subprocess.run([str(BIN / "gcomp-digits"), str(DIGITS)], capture_output=True,
                                timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout.decode(), r"of 360 correct[\s\S]*accuracy: 9\d")
        result = subprocess.run([str(BIN / "gcomp-digits"), "/nonexistent"], capture_output=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("E601", result.stderr.decode())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
