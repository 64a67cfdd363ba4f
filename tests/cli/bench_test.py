#!/usr/bin/env python3
"""Tests gcomp-bench, bench/ops.py and bench/peers: what they print, skip, check and answer, in
rounds too short to measure anything.

Usage: bench_test.py BIN_FOLDER SOURCE_FOLDER [unittest arguments]
"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
BENCH = str(BIN / "gcomp-bench")
SHORT = ("--rounds=1", "--round-ms=0.1")

sys.path.insert(0, str(SOURCE / "bench"))
sys.dont_write_bytecode = True
import graph_text  # noqa: E402
import row_data  # noqa: E402

LOADER = importlib.machinery.SourceFileLoader("peers", str(SOURCE / "bench/peers"))
peers = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers", LOADER))
LOADER.exec_module(peers)

DOUBLE = """gir 1 module @double attrs {group = "pointwise"}

export func @main(%x: f32[4], %w: f32[4] weight("layer.w")) -> (f32[4]) {
  %a: f32[4] = add(%x, %x)
  %y: f32[4] = add(%a, %w)
  return %y
}
"""
PRODUCT = """gir 1 module @product

export func @main(%x: f32[2, 3, 5], %b: f32[5, 7]) -> (f32[2, 3, 7]) {
  %y: f32[2, 3, 7] = matmul(%x, %b)
  return %y
}
"""
CONVOLUTION = """gir 1 module @convolution

export func @main(%x: f32[2, 4, 8, 8], %w: f32[6, 4, 3, 3]) -> (f32[2, 6, 6, 6]) {
  %y: f32[2, 6, 6, 6] = conv2d(%x, %w)
  return %y
}
"""
UNKNOWN = DOUBLE.replace("= add(%x, %x)", "= frobnicate(%x)")

# Stands in for the Python of an environment: it has every package, and its peer answers as the
# variables say.
FAKE_PYTHON = """#!{python}
import json, os, sys
if sys.argv[1] == "-c":
    pins = [line.strip().split("==") for line in open({pins!r}) if "==" in line and line[0] != "#"]
    print(json.dumps(dict(pins)))
    sys.exit()
print(json.dumps({{"peer": sys.argv[2], "version": "0"}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if "load" in request:
        answer = json.loads(os.environ.get("FAKE_LOAD", '{{"name": "x"}}'))
    elif "compare" in request:
        answer = {{"difference": os.environ.get("FAKE_DIFFERENCE")}}
    else:
        answer = {{"call_us": 1e6, "calls": 1}}
    print(json.dumps(answer), flush=True)
"""


def run(*args, text=None, env=None):
    return subprocess.run(args,
                          input=text,
                          capture_output=True,
                          text=True,
                          timeout=300,
                          env={**os.environ, **(env or {})})


class BenchTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)


class ToolTest(BenchTest):
    def bench_json(self, *graphs):
        result = run(BENCH, *graphs, "--json", *SHORT)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout), result.stderr

    def test_json(self):
        report, _ = self.bench_json(self.file("d.ir", DOUBLE), self.file("p.ir", PRODUCT),
                                    self.file("c.ir", CONVOLUTION))
        self.assertEqual((report["schema_version"], report["rounds"], report["skipped"]),
                         (1, 1, []))
        double, product, convolution = report["results"]
        self.assertEqual(double["name"], "pointwise/double/interp/f32/4")
        self.assertEqual(double["argument_bytes"], 3 * 16)
        self.assertNotIn("flop", double)
        self.assertEqual(product["name"], "graph/product/interp/f32/2x3x5")
        self.assertEqual(product["flop"], 2 * 2 * 3 * 5 * 7)
        self.assertEqual(convolution["flop"], 2 * (2 * 6 * 6 * 6) * (4 * 3 * 3))
        for row in report["results"]:
            self.assertGreater(row["call_us"]["p50"], 0)
            self.assertAlmostEqual(row["of_copy"]["p50"],
                                   row["copy_us"]["p50"] / row["call_us"]["p50"])
            self.assertAlmostEqual(row["times_the_copy"] * row["of_copy"]["p50"], 1)
            self.assertFalse(row["noisy"])  # one round has no spread
        self.assertAlmostEqual(product["gflop_per_s"], 420 / product["call_us"]["p50"] / 1e3)

    def test_the_tier_is_part_of_the_name(self):
        graph = self.file("d.ir", DOUBLE)
        for tier, name in (("auto", "interp"), ("interp", "interp"), ("compiled", "compiled")):
            report, _ = self.bench_json(graph, f"--tier={tier}")
            self.assertEqual(report["results"][0]["name"], f"pointwise/double/{name}/f32/4")
        self.assertEqual(run(BENCH, graph, "--tier=fast").returncode, 2)

    def test_unknown_op_is_skipped_with_its_line(self):
        unknown = self.file("u.ir", UNKNOWN)
        report, log = self.bench_json(unknown, self.file("d.ir", DOUBLE))
        self.assertEqual([row["name"] for row in report["results"]],
                         ["pointwise/double/interp/f32/4"])
        self.assertEqual([row["graph"] for row in report["skipped"]], [unknown])
        self.assertRegex(
            log, r"^gcomp-bench: skipped .*u\.ir: not in this build: .*E510.*frobnicate.*\n$")

    def test_other_errors_end_the_program(self):
        result = run(BENCH, self.file("e.ir", DOUBLE.replace("return %y", "return %z")), *SHORT)
        self.assertEqual(result.returncode, 3)
        self.assertIn("E502", result.stderr)
        self.assertEqual(run(BENCH, str(self.folder / "none.ir")).returncode, 3)

    def test_usage(self):
        graph = self.file("d.ir", DOUBLE)
        for args in ([], ["--serve",
                          graph], [graph, "--rounds=0"], [graph,
                                                          "--round-ms=nan"], [graph,
                                                                              "--margin=-1"]):
            self.assertEqual(run(BENCH, *args).returncode, 2, args)

    def serve(self, *requests):
        result = run(BENCH,
                     "--serve",
                     text="".join(json.dumps(request) + "\n" for request in requests))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_serve_loads_runs_and_times(self):
        data, out = self.folder / "data.safetensors", self.folder / "out.safetensors"
        row_data.write(data, graph_text.parse(DOUBLE), {})
        loaded, timed = self.serve(
            {"load": self.file("d.ir", DOUBLE), "data": str(data), "outputs": str(out)},
            {"round_ms": 0.1})
        self.assertEqual(loaded,
                         {"name": "pointwise/double/interp/f32/4", "argument_bytes": 48, "flop": 0})
        self.assertGreater(timed["call_us"], 0)
        self.assertGreater(timed["copy_us"], 0)
        self.assertGreaterEqual(timed["calls"], 1)
        x, w = (struct.unpack("<4f", row_data.tensor_bytes(kind, "f32", [4], place))
                for place, kind in enumerate(["uniform", "weight"]))
        got = struct.unpack("<4f", out.read_bytes()[-16:])
        for i in range(4):
            self.assertAlmostEqual(got[i], 2 * x[i] + w[i], places=6)

    def test_serve_takes_a_tier(self):
        graph = self.file("d.ir", DOUBLE)
        loaded, failed = self.serve({"load": graph, "tier": "compiled"},
                                    {"load": graph, "tier": "fast"})
        self.assertEqual(loaded["name"], "pointwise/double/compiled/f32/4")
        self.assertEqual(failed["error"]["id"], "E701")

    def test_serve_goes_on_after_errors(self):
        empty = self.folder / "empty.safetensors"
        row_data.write(empty, graph_text.Graph("g", "g", [], [], []), {})
        answers = self.serve({"round_ms": 1}, {"load": self.file("u.ir", UNKNOWN)}, [], {"what": 1},
                             {"load": 7}, {"load": self.file("d.ir", DOUBLE), "data": str(empty)},
                             {"round_ms": 1}, {"load": self.file("d.ir", DOUBLE)},
                             {"round_ms": "1"}, {"round_ms": 0.1})
        ids = [answer.get("error", {}).get("id") for answer in answers]
        self.assertEqual(
            ids, ["E705", "E510", "E701", "E701", "E701", "E603", "E705", None, "E701", None])


class OpsTest(BenchTest):
    def ops(self, *args):
        return run(sys.executable, str(SOURCE / "bench/ops.py"), *args)

    def test_names_are_distinct_and_print_their_graph(self):
        names = self.ops("--list").stdout.splitlines()
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("composite/softmax/f32/4096x1024", names)
        graph = graph_text.parse(self.ops("--print=reduction/topk_last/f32/16x64").stdout)
        self.assertEqual((graph.name, graph.group), ("topk_last", "reduction"))
        self.assertEqual([v.dtype for v in graph.calls[0].results], ["f32", "i64"])
        self.assertEqual(self.ops("--print=nothing").returncode, 1)

    def test_every_small_graph_runs_or_is_not_in_this_build(self):
        for text in ("/16x64", "/1x4x16x16", "/1x1x16x64", "/256x512", "/1x32x64x64"):
            self.assertEqual(self.ops(f"--out={self.folder}", f"--filter={text}").returncode, 0)
        graphs = sorted(str(path) for path in self.folder.glob("*.ir"))
        self.assertGreater(len(graphs), 100)
        result = run(BENCH, *graphs, "--json", *SHORT)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        report = json.loads(result.stdout)
        self.assertEqual(len(report["results"]) + len(report["skipped"]), len(graphs))
        self.assertIn("composite/softmax/interp/f32/16x64",
                      [row["name"] for row in report["results"]])


class TextTest(unittest.TestCase):
    def test_all_graphs_here_are_read(self):
        for path in sorted((SOURCE / "bench").glob("*.ir")):
            graph = graph_text.parse(path.read_text())
            signs = len(graph.calls) + sum(len(call.named) for call in graph.calls)
            self.assertEqual(path.read_text().count(" = "), signs, path)

    def test_parts(self):
        graph = graph_text.parse(
            PRODUCT.replace("matmul(%x, %b)",
                            'f(%x, 1, -2.5, a = [1, %b], t = "s", d = f32, e = true)'))
        call = graph.calls[0]
        self.assertEqual(call.args, [graph_text.Ref("x"), 1, -2.5])
        self.assertEqual(call.named,
                         {"a": [1, graph_text.Ref("b")], "t": "s", "d": "f32", "e": True})
        self.assertEqual(graph_text.parse(DOUBLE).params[1].key, "layer.w")

    def test_more_than_straight_lines_is_refused(self):
        region = PRODUCT.replace(
            "  return",
            "  %z: f32[2] = wrap(%x)\n    body(%a: f32[2]) {\n      yield %a\n    }\n  return")
        for text in (PRODUCT.replace("export ", ""), PRODUCT.replace("2, 3, 5", "s0, 3, 5"), region,
                     PRODUCT + PRODUCT, "gir 1 module @m\n{"):
            with self.assertRaises(ValueError):
                graph_text.parse(text)


class PeersTest(BenchTest):
    def peers(self, *args, venv="/nonexistent", env=None):
        return run(sys.executable,
                   str(SOURCE / "bench/peers"),
                   f"--build={BIN.parent}",
                   f"--venv={venv}",
                   "--no-install",
                   *SHORT,
                   *args,
                   env=env)

    def fake_venv(self):
        python = self.folder / "venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(
            FAKE_PYTHON.format(python=sys.executable,
                               pins=str(SOURCE / "bench/peers-requirements.txt")))
        python.chmod(0o755)
        return self.folder / "venv"

    def test_absent_peers(self):
        report = self.folder / "report.json"
        result = self.peers("--filter=tiny50", f"--json={report}")
        self.assertEqual(result.returncode, 0, result.stderr)
        for peer in ("onnxruntime", "torch"):
            self.assertIn(f"peer absent: {peer} (no environment in /nonexistent)\n", result.stdout)
        self.assertRegex(result.stdout, r"graph/tiny50/interp/f32/16 +[0-9.]+ ")
        self.assertIn("1 rows timed, 0 skipped, 0 failed, 0 with results that differ",
                      result.stdout)
        data = json.loads(report.read_text())
        self.assertEqual([entry["peer"] for entry in data["absent"]], ["onnxruntime", "torch"])
        self.assertGreater(data["results"][0]["call_us"]["p50"], 0)
        self.assertGreaterEqual(data["machine"]["cores"], 1)

    def test_required_peers(self):
        self.assertEqual(self.peers("--filter=tiny50", "--require-peers").returncode, 1)
        self.assertEqual(
            self.peers("--filter=tiny50", "--require-peers", venv=self.fake_venv()).returncode, 0)

    def test_ratio(self):
        report = self.folder / "report.json"
        result = self.peers("--filter=pointwise/add/f32/16x64",
                            "--peers=torch",
                            f"--json={report}",
                            venv=self.fake_venv())
        self.assertEqual(result.returncode, 0, result.stderr)
        data = json.loads(report.read_text())
        row = data["results"][0]
        ratio = row["peers"]["torch"]["ratio"]["p50"]
        self.assertAlmostEqual(ratio, 1e6 / row["call_us"]["p50"], places=3)
        mean = data["geometric_means"]["pointwise"]["torch"]
        self.assertEqual((mean["rows"], mean["noisy"]), (1, 0))
        self.assertAlmostEqual(mean["mean"] / ratio, 1)

    def test_wrong_results_are_not_timed(self):
        result = self.peers("--filter=tiny50",
                            "--peers=torch",
                            venv=self.fake_venv(),
                            env={"FAKE_DIFFERENCE": "%y: wrong"})
        self.assertEqual(result.returncode, 1)
        self.assertIn("torch: DIFFERS: %y: wrong", result.stdout)
        self.assertIn("1 with results that differ", result.stdout)
        self.assertNotIn("geometric mean", result.stdout)

    def test_a_peer_may_refuse_a_graph(self):
        refusal = json.dumps({"error": {"id": "NotImplementedError", "message": "no such op"}})
        result = self.peers("--filter=tiny50",
                            "--peers=torch",
                            venv=self.fake_venv(),
                            env={"FAKE_LOAD": refusal})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("torch: refused: NotImplementedError: no such op", result.stdout)

    def test_usage(self):
        self.assertEqual(self.peers("--peers=nothing").returncode, 2)
        self.assertEqual(
            run(sys.executable, str(SOURCE / "bench/peers"), "--build=/nonexistent").returncode, 1)

    def test_quartiles_and_noise(self):
        q = peers.quartiles([9, 1, 5, 7, 3])
        self.assertEqual(q, {"p25": 3, "p50": 5, "p75": 7})
        self.assertTrue(peers.noisy(q, 0.79))
        self.assertFalse(peers.noisy(q, 0.8))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
