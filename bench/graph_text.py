"""The text of a graph (docs/spec/ir.md) as Python values: as much of it as benchmark graphs use.

One exported function of straight-line ops on tensors of known sizes; no regions, calls or symbols.
A text outside of that raises ValueError, so that no peer is built from half a graph.
"""
import dataclasses
import re

TYPE = re.compile(r"(\w+)(?:\[([^\]]*)\])?")


@dataclasses.dataclass
class Value:
    name: str  # without `%`
    dtype: str  # "f32", "rng"
    shape: list
    weight: str | None = None  # the name behind weight(...)

    @property
    def key(self):
        """Its name in a file of inputs and weights."""
        return self.weight or self.name


@dataclasses.dataclass(frozen=True)
class Ref:
    """A value used as an argument."""
    name: str


@dataclasses.dataclass
class Call:
    op: str
    args: list  # by position: Ref, number, bool, str or list
    named: dict
    results: list  # of Value


@dataclasses.dataclass
class Graph:
    name: str
    group: str
    params: list  # of Value
    calls: list
    returned: list  # names

    def values(self):
        """Every value by its name."""
        return {v.name: v for v in self.params + [r for c in self.calls for r in c.results]}


def split(text):
    """The parts between the commas that stand in no bracket."""
    parts, depth, begin = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{<") - (c in ")]}>")
        if c == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    return [p for p in parts + [text[begin:].strip()] if p]


def parse_value(text):
    """`%x: f32[2, 3]{...} alias(%y) weight("w")`"""
    name, _, rest = text.partition(":")
    match = TYPE.match(rest.strip())
    if not name.startswith("%") or not match:
        raise ValueError(f"no typed value: {text}")
    sizes = [part.strip() for part in (match[2] or "").split(",") if part.strip()]
    if not all(size.isdigit() for size in sizes):
        raise ValueError(f"a size is not a number: {text}")
    shape = [2] if match[1] == "rng" else [int(size) for size in sizes]
    weight = re.search(r'weight\("([^"]*)"\)', rest)
    return Value(name[1:], match[1], shape, weight and weight[1])


def parse_argument(text):
    if text.startswith("%"):
        return Ref(text[1:])
    if text.startswith("["):
        return [parse_argument(part) for part in split(text[1:-1])]
    if text.startswith('"'):
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text  # a dtype


def parse_call(line):
    match = re.fullmatch(r"(.*?) = ([a-z_0-9.]+)\((.*)\)", line)
    if not match:
        raise ValueError(f"no op with results: {line}")
    call = Call(match[2], [], {}, [parse_value(part) for part in split(match[1])])
    for part in split(match[3]):
        named = re.match(r"([a-z_0-9]+) = (.*)", part)
        if named:
            call.named[named[1]] = parse_argument(named[2])
        else:
            call.args.append(parse_argument(part))
    return call


def parse(text):
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("//")]
    first = re.match(r'gir 1 module @([\w.]+)(?: attrs \{.*?group = "(\w+)".*\})?', lines[0])
    end = next(i for i, line in enumerate(lines) if line.endswith("{"))
    header = re.match(r"export func @[\w.]+\((.*)\) -> \(.*\) \{$", " ".join(lines[1:end + 1]))
    if not first or not header or lines[-1] != "}" or not lines[-2].startswith("return "):
        raise ValueError("the text is not one exported function of straight-line ops")
    return Graph(first[1], first[2] or "graph", [parse_value(part) for part in split(header[1])],
                 [parse_call(line) for line in lines[end + 1:-2]],
                 [name.strip()[1:] for name in lines[-2][len("return "):].split(",")])
