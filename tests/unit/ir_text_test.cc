// Parser and printer: canonical texts come back byte for byte, errors name their place and cause,
// and no text does harm.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "ir/op_def.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace gcomp::ir {
namespace {

Status InferFirst(InferCtx& ctx) {
  ctx.Return(ctx.operand(0));
  return {};
}

Status InferWritten(InferCtx& ctx) {
  ctx.Return(*ctx.written(0));
  return {};
}

constexpr OperandSpec kOne[] = {{.name = "x"}};
constexpr OperandSpec kTwo[] = {{.name = "a"}, {.name = "b"}};
constexpr OperandSpec kSelect[] = {
    {.name = "p", .dtypes = kBoolDType}, {.name = "a"}, {.name = "b"}};
constexpr OperandSpec kMany[] = {{.name = "xs", .kind = OperandKind::kVariadic}};
constexpr OperandSpec kWithBias[] = {{.name = "x"},
                                     {.name = "bias", .kind = OperandKind::kOptional},
                                     {.name = "extra", .kind = OperandKind::kNamedGroup}};
constexpr AttrSpec kConstAttrs[] = {
    {.name = "v", .kind = AttrKind::kScalarList, .positional = true},
    {.name = "splat", .kind = AttrKind::kScalar},
    {.name = "blob", .kind = AttrKind::kString}};
constexpr AttrSpec kNormAttrs[] = {
    {.name = "dims", .kind = AttrKind::kIntList, .default_kind = AttrSpec::Default::kRequired},
    FloatAttr("eps", 1e-05, ""),
    BoolAttr("affine", true, ""),
    StringAttr("mode", "plain", ""),
    IntAttr("axis", -1, ""),
    {.name = "shape", .kind = AttrKind::kSizeList},
    {.name = "dtype", .kind = AttrKind::kDType},
    {.name = "pred", .kind = AttrKind::kPredicate}};

OpDef Make(std::string_view name, std::span<const OperandSpec> operands,
           std::span<const AttrSpec> attrs, InferFn infer) {
  OpDef def;
  def.name = name;
  def.operands = operands;
  def.attrs = attrs;
  def.infer = infer;
  return def;
}

const OpRegistry& SomeOps() {
  static const OpRegistry* const registry = [] {
    static const OpDef add = Make("add", kTwo, {}, InferFirst);
    static const OpDef relu = Make("relu", kOne, {}, InferFirst);
    static const OpDef select = Make("select", kSelect, {}, InferFirst);
    static const OpDef concat = Make("concat", kMany, {}, InferFirst);
    static const OpDef constant = Make("const", {}, kConstAttrs, InferWritten);
    static const OpDef norm = Make("norm", kWithBias, kNormAttrs, InferFirst);
    static const OpDef* const ops[] = {&add, &relu, &select, &concat, &constant, &norm};
    return new OpRegistry(ops);
  }();
  return *registry;
}

const OpRegistry& NoOps() {
  static const OpRegistry* const ops = new OpRegistry({});
  return *ops;
}

// The text of a function whose body is `lines`, each on its own line, with values of each sort.
std::string WithBody(const std::string& lines) {
  return "gir 1 module @m\n\nfunc @f<s0>(%x: f32[s0, 4], %i: i8[4], %h: f16[4], %p: bool[4]) -> () "
         "{\n" +
         lines + "  return\n}\n";
}

std::string Reprint(const std::string& text, const OpRegistry& ops) {
  Diagnostics diagnostics("t.ir", text);
  Module module = Parse(text, ops, diagnostics);
  return diagnostics.ok() ? Print(module) : diagnostics.Render();
}

Diagnostics ErrorsOf(const std::string& text, const OpRegistry& ops = SomeOps()) {
  Diagnostics diagnostics("t.ir", {}, 100);
  Parse(text, ops, diagnostics);
  return diagnostics;
}

// Expects one error, with this id and a message that has `part`.
void ExpectError(const std::string& text, ErrorId id, std::string_view part) {
  Diagnostics errors = ErrorsOf(text);
  ASSERT_EQ(errors.count(), 1u) << text << errors.Render();
  EXPECT_EQ(InfoOf(errors.list()[0].id).name, InfoOf(id).name) << text << errors.Render();
  EXPECT_NE(errors.list()[0].message.find(part), std::string::npos) << errors.Render();
}

// The code blocks of docs/spec/ir.md.
std::vector<std::string> SpecPrograms() {
  std::ifstream file(std::string(GCOMP_SOURCE_DIR) + "/docs/spec/ir.md");
  std::vector<std::string> programs;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line == "```gir") {
      inside = true;
      programs.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      programs.back() += line + "\n";
    }
  }
  return programs;
}

TEST(Text, SpecProgramsRoundTrip) {
  std::vector<std::string> programs = SpecPrograms();
  ASSERT_EQ(programs.size(), 5u);
  for (const std::string& program : programs) EXPECT_EQ(Reprint(program, NoOps()), program);
}

constexpr std::string_view kRegionOps = R"(gir 1 module @regions

file test = "t.cc"

func @f<s0, b0 in [1, 8] mult 2>(
  %x: f32[s0, 8]{?} mut noalias,
  %w: f32[8, 8]{1, 8; offset 16}@cuda:1,
  %key: rng,
  %n: int<s0 / 2 + 1>,
  %q: f16[8]{packed "vnni2"} donate weight("a \"b\"\n\x01"),
  %t0: token,
  %p: flag
) -> (f32[s0, 8] into(%x), f32[u0] alias(%w), none) defines u0 in [0, s0] effects [rng, io] attrs {of = "f", n = 1} {
  %z: f32[s0 / 2, 8] = invoke @layer<s0 / 2, min(b0, 4)>(%x, %w) loc(test:31:9, test:1:2)
  %m: f32[u1, 3] = cond(%p, %x) defines u1 in [2, 4] mult 2
    then(%a: f32[2, 3]) {
      %d: f32[4, 3] = concat(%a, %a, dim = 0)
      yield %d
    }
    else(%a: f32[2, 3]) {
      // nothing to do
      yield %a loc(test:4:1)  // as it is
      // the end
    }
  %k: int<u2>, %v: f32[8] = while(carry = [%n, %q], max_trip = 10) defines u2 in [0, inf]
    cond(%a: int<u3>, %b: f32[8]) {
      %go: flag = sym.value(u3 < 5 and s0 != 2 or u3 % 3 != 1)
      yield %go
    }
    do(%a: int<u3>, %b: f32[8]) {
      %a1: int<u3 + 1> = sym.value(u3 + 1)
      %b1: f32[8] = hints(%b, hints = {inner = true, limit = 8})
        body(%c: f32[8]) {
          %m: f32[8] = mul(%c, %c) attrs {recompute = "save"}
          yield %m
        }
      yield %a1, %b1
    }
  %nz: i64[u0, 1] = nonzero(%x) defines u0 in [0, s0]
  sym.check(pred = u0 < s0 and s0 % 2 == 0, msg = "b must be < y.shape[0]")
  %t1: token = io.print(%t0, %x, fmt = "x = {}")
  %e: f32[5] = kernel @user_add(%x, grid = [5, 1, 1], args = {block = 16}, writes = [])
  %o: i32[8] = out_dtype(%x, -1, -0.5, bits(0x7fc00001), inf, [-inf, nan], op = @g, dtype = i32)
  %s: none = odd(type = f32[2, s0]{?}, word = plain, other = flag, deep = {a = [[1], {}]})
  empty()
    body() {
      yield
    }
  return %x, %v, %s
}
)";

// The operators of higher order and of support, as their pages show them.
constexpr std::string_view kOperators = R"(gir 1 module @operators

file model = "model.cc"
file test = "test.cc"

func @f0<s0>(%x: f32[4], %w: f32[4], %b: f32[4], %y1: f32[4], %k: f32[4], %t: f32[4]) -> () {
  %y: f32[s0, 8] = invoke @layer(%x, %w, %b)
  %z: f32[s0 / 2, 8] = invoke @layer<s0 / 2>(%y1, %w, %b) loc(model:31:9)
  %c: f32[u0, 1] = invoke @nz(%x) defines u0 in [0, s0]
  %o: f32[8], %mask: bool[8] = invoke @drop.fwd(%x, %k)
  %gx: f32[8] = invoke @drop.bwd(%x, %mask, %t)
  return
}

func @f1(%x: f32[4], %y: f32[4]) -> () {
  %r: f32[3] = wrap(%x, %y) loc(test:4:10)
    body(%x: f32[3], %y: f32[3]) {
      %s: f32[3] = add(%x, %y)
      yield %s
    }
  return
}

func @f2(%p: f32[4], %x: f32[4], %x2: f32[4]) -> () {
  %r: f32[4, 5] = cond(%p, %x)
    then(%a: f32[4, 5]) {
      %s: f32[4, 5] = sin(%a)
      yield %s
    }
    else(%a: f32[4, 5]) {
      %c: f32[4, 5] = cos(%a)
      yield %c
    }
  %m: f32[u0, 3] = cond(%p, %x2) defines u0 in [2, 4]
    then(%a: f32[2, 3]) {
      %d: f32[4, 3] = concat(%a, %a, dim = 0)
      yield %d
    }
    else(%a: f32[2, 3]) {
      %s: f32[2, 3] = sin(%a)
      yield %s
    }
  return
}

func @f3(%i0: f32[4], %x: f32[4], %w: f32[4], %k0: f32[4], %q: f32[4]) -> () {
  %n: i64[], %y: f32[3, 4] = while(carry = [%i0, %x], extra = [%w], max_trip = 100)
    cond(%i: i64[], %v: f32[3, 4], %w: f32[4]) {
      %go: bool[] = lt(%i, 10)
      yield %go
    }
    do(%i: i64[], %v: f32[3, 4], %w: f32[4]) {
      %i1: i64[] = add(%i, 1)
      %v1: f32[3, 4] = mul(%v, %w)
      yield %i1, %v1
    }
  %k: int<u1>, %z: f32[8] = while(carry = [%k0, %q]) defines u1 in [0, inf]
    cond(%a: int<u2>, %b: f32[8]) {
      %go: flag = sym.value(u2 < 5)
      yield %go
    }
    do(%a: int<u2>, %b: f32[8]) {
      %a1: int<u2 + 1> = sym.value(u2 + 1)
      %b1: f32[8] = sin(%b)
      yield %a1, %b1
    }
  return
}

func @f4<n0>(%t: f32[4], %y: f32[4]) -> () {
  %r: f32[n0, 3] = map(xs = [%t], extra = [%y])
    body(%row: f32[3], %y: f32[3]) {
      %s: f32[3] = add(%row, %y)
      yield %s
    }
  return
}

func @f5<t0>(%h0: f32[4], %x: f32[4], %u: f32[4]) -> () {
  %h: f32[64], %ys: f32[t0, 64] = scan(init = [%h0], xs = [%x], extra = [%u], dim = 0, reverse = false)
    body(%c: f32[64], %xt: f32[64], %u: f32[64]) {
      %m: f32[64] = mul(%c, %u)
      %c1: f32[64] = add(%m, %xt)
      %y: f32[64] = tanh(%c1)
      yield %c1, %y
    }
  return
}

func @f6<b0, t0>(%a: f32[4], %b: f32[4]) -> () {
  %a1: f32[b0, t0], %b1: f32[b0, t0] = assoc_scan(xs = [%a, %b], dim = 1, reverse = false)
    combine(%al: f32[], %bl: f32[], %ar: f32[], %br: f32[]) {
      %p: f32[] = mul(%al, %ar)
      %q: f32[] = mul(%bl, %ar)
      %s: f32[] = add(%q, %br)
      yield %p, %s
    }
  return
}

func @f7(%x: f32[4], %y: f32[4]) -> () {
  %r: f32[4, 4] = checkpoint(%x, %y, policy = "prefer", preserve_rng = true)
    body(%x: f32[4, 4], %y: f32[4, 4]) {
      %m: f32[4, 4] = matmul(%x, %y) attrs {recompute = "save"}
      %s: f32[4, 4] = sigmoid(%m)
      yield %s
    }
  return
}

func @f8(%x: f32[4], %y: f32[4]) -> () {
  %r: f32[2, 4] = hints(%x, %y, hints = {inner_body = true, fuse_limit = 8})
    body(%x: f32[2, 4], %y: f32[4]) {
      %p: f32[2, 4] = relu(%x)
      %q: f32[2, 4] = add(%p, %y)
      yield %q
    }
  return
}

func @f9(%a: f32[4], %b: f32[4]) -> () {
  %r: i32[8, 16] = out_dtype(%a, %b, op = "matmul", dtype = i32)
  return
}

func @f10<n0>(%x: f32[4], %w: f32[4], %ct: f32[4], %v: f32[4]) -> () {
  %y: f32[n0, 3] = transform.vmap @f(%x, %w, in_dims = [0, -1], out_dims = [0], randomness = "error")
  %p: f32[], %g: f32[8] = transform.vjp @f(%x, wrt = [0], seed = %ct)
  %q: f32[], %t: f32[] = transform.jvp @f(%x, wrt = [0], tangents = [%v])
  %j: f32[3, 3, 8] = transform.jacrev @f(%x, wrt = [0], chunk = 0)
  return
}

func @f11(%x: f32[4]) -> () {
  %r: f32[8, 8] = custom(%x, nondiff = [], name = "scaled_sin")
    fwd(%x: f32[8, 8]) {
      %s: f32[8, 8] = sin(%x)
      yield %s, %x
    }
    bwd(%x: f32[8, 8], %g: f32[8, 8]) {
      %c: f32[8, 8] = cos(%g)
      %d: f32[8, 8] = mul(%x, %c)
      yield %d
    }
  return
}

func @f12<u0, s0, t0>(
  %k: f32[4],
  %buf: f32[4],
  %t0: f32[4],
  %x: f32[4],
  %cnt: f32[4],
  %y: f32[4]
) -> () {
  %k1: rng = rng.fold(%k, 3)
  %u: f32[8] = rng.uniform(%k1, shape = [8], dtype = f32)
  %b1: f32[8] alias(%buf) = add_(%buf, 1.0)
  sym.check(pred = u0 < s0 and s0 % 2 == 0, msg = "b must be < y.shape[0]")
  %t1: token = io.print(%t0, %x, fmt = "x = {}")
  %n: int<u3> = item(%cnt) defines u3 in [0, 8]
  %e: f32[5] = kernel @user_add(%x, %y, grid = [5, 1, 1], args = {block = 16}, writes = [2])
  %w: f32[4] = opaque(%x, name = "mylib.add_op", layout = "exact")
  return
}
)";

TEST(Text, OperatorsRoundTrip) {
  std::string text(kOperators);
  EXPECT_EQ(Reprint(text, NoOps()), text);
}

TEST(Text, AllFormsRoundTripWithUnknownOps) {
  std::string text(kRegionOps);
  EXPECT_EQ(Reprint(text, NoOps()), text);
}

TEST(Text, KnownOpsPrintBySchema) {
  EXPECT_EQ(Reprint(WithBody("  %a: f32[s0, 4] = norm(%x, affine = false, bias = %x, eps = 1e-05, "
                             "mode = \"plain\", axis = -1, dims = [-1, 0x2], shape = [s0 + s0, 4], "
                             "extra = [%x, %i], dtype = bf16, pred = true)\n"),
                    SomeOps()),
            WithBody("  %a: f32[s0, 4] = norm(%x, bias = %x, extra = [%x, %i], dims = [-1, 2], "
                     "affine = false, shape = [2 * s0, 4], dtype = bf16, pred = true)\n"));
}

TEST(Text, LiteralsTakeTheDtypeOfTensorOperands) {
  const std::string text = WithBody(
      "  %a: f32[s0, 4] = add(%x, 5.0)\n"
      "  %b: i8[4] = add(-128, %i)\n"
      "  %c: f16[4] = select(%p, %h, 0.5)\n"
      "  %d: f32[s0, 4] = add(%x, 0.1)\n"
      "  %e: f32[s0, 4] = add(%x, -inf)\n"
      "  %f: f32[s0, 4] = add(%x, bits(0x7fc00001))\n"
      "  %g: i64[3] = const([1, -2, 3])\n"
      "  %k: i64[] = const(0)\n"
      "  %l: f32[8] = const(splat = 0.5)\n"
      "  %m: u64[] = const(18446744073709551615)\n"
      "  %n: bool[] = const(true)\n"
      "  %o: f32[99] = const(blob = \"sha256:00\")\n");
  EXPECT_EQ(Reprint(text, SomeOps()), text);
  Diagnostics diagnostics;
  Module module = Parse(text, SomeOps(), diagnostics);
  ASSERT_TRUE(diagnostics.ok()) << diagnostics.Render();
  const Function& f = *module.Find("f");
  auto literal = [&](size_t op, size_t operand) {
    return f.value(f.op(f.block(f.body).ops[op]).operands[operand]).literal;
  };
  EXPECT_EQ(literal(0, 1), (Scalar{DType::kF32, 0x40a00000}));
  EXPECT_EQ(literal(1, 0), (Scalar{DType::kI8, 0x80}));
  EXPECT_EQ(literal(2, 2), (Scalar{DType::kF16, 0x3800}));
  EXPECT_EQ(literal(3, 1), (Scalar{DType::kF32, 0x3dcccccd}));
}

TEST(Text, FloatLiteralRoundsOnce) {
  // Just above the middle of 1 and the next f32: by way of f64 it would be a tie, and become 1.
  const std::string text = WithBody("  %a: f32[s0, 4] = add(%x, 1.00000005960464477540)\n");
  Diagnostics diagnostics;
  Module module = Parse(text, SomeOps(), diagnostics);
  ASSERT_TRUE(diagnostics.ok()) << diagnostics.Render();
  const Function& f = *module.Find("f");
  EXPECT_EQ(f.value(f.op(f.block(f.body).ops[0]).operands[1]).literal.bits, 0x3f800001u);
}

TEST(Text, FormattingIsNormalized) {
  EXPECT_EQ(Reprint("//! a directive\n// head\ngir 1 module @m  // here\n\n\n//! no part\n"
                    "func @f(\n  %x :f32[ 4 ,2 ] // the input\n , %y:f32[4]{1}) ->(f32[4]) {// in\n"
                    "  //! no part either\n //one\n//  two\n %a:f32[4]=foo( %x )// done  \n"
                    "\r\n\treturn %a\n//last\n}\n// after\n// all",
                    NoOps()),
            "// head\ngir 1 module @m\n\n// here\n// the input\n// in\n"
            "func @f(%x: f32[4, 2], %y: f32[4]) -> (f32[4]) {\n"
            "  // one\n  //  two\n  %a: f32[4] = foo(%x)  // done\n  return %a\n  // last\n}\n\n"
            "// after\n// all\n");
}

TEST(Text, PlacesAndCommentsCanBeLeftOut) {
  const std::string text =
      "// c\ngir 1 module @m\n\nfile a = \"a.cc\"\n\n// d\nfunc @f() -> () {\n  // e\n"
      "  foo() loc(a:1:2)  // g\n  return loc(a:3:4)\n}\n";
  Diagnostics diagnostics;
  Module module = Parse(text, NoOps(), diagnostics);
  ASSERT_TRUE(diagnostics.ok());
  EXPECT_EQ(Print(module, {.places = false, .comments = false}),
            "gir 1 module @m\n\nfunc @f() -> () {\n  foo()\n  return\n}\n");
}

TEST(Text, HeaderOfAHundredColumnsStaysOnOneLine) {
  // "func @f(%x: f32[4]) -> () {" has 27 columns.
  for (size_t columns : {100u, 101u}) {
    std::string name(columns - 26, 'n');
    std::string flat = "func @" + name + "(%x: f32[4]) -> () {";
    ASSERT_EQ(flat.size(), columns);
    std::string tall = "func @" + name + "(\n  %x: f32[4]\n) -> () {";
    std::string head = "gir 1 module @m\n\n";
    std::string tail = "\n  return\n}\n";
    EXPECT_EQ(Reprint(head + flat + tail, NoOps()), head + (columns == 100 ? flat : tall) + tail);
  }
}

TEST(Text, GlobalsRoundTrip) {
  const std::string text =
      "gir 1 module @m\n\n// state\nglobal @p: f32[] mut = 0.5\n\nglobal @q: i8[3] = [1, -2, 3]\n\n"
      "global @r: rng = [1, 18446744073709551615]\n\nglobal @s: f32[64] = \"sha256:ab\"\n\n"
      "global @t: float = 1e+300\n\nglobal @u: flag = true\n";
  EXPECT_EQ(Reprint(text, NoOps()), text);
}

TEST(Text, ErrorsNameTheirPlace) {
  Diagnostics errors = ErrorsOf(WithBody("  %a: f32[s0, 4] = relu(%y)\n"));
  ASSERT_EQ(errors.count(), 1u);
  EXPECT_EQ(errors.list()[0].span.line, 4);
  EXPECT_EQ(errors.list()[0].span.column, 25);
  EXPECT_EQ(errors.list()[0].span.length, 2);
}

TEST(Text, ErrorsHaveIdsAndCauses) {
  ExpectError(WithBody("  %a: f32[s0, 4] = relu(%x\n"), ErrorId::E501, "expected `,` or `)`");
  ExpectError(WithBody("  %value: f32[4] = relu(%x)\n  %b: f32[4] = relu(%valeu)\n"), ErrorId::E502,
              "did you mean `%value`?");
  ExpectError(WithBody("  %x: f32[4] = relu(%h)\n"), ErrorId::E502, "defined twice");
  ExpectError(WithBody("  %a: f32[4] = relu(%a)\n"), ErrorId::E502, "not defined");
  ExpectError(WithBody("  %a: f32[s1] = relu(%x)\n"), ErrorId::E503, "`s1` is not declared");
  ExpectError(WithBody("  %a: f32[9999999999999999999999] = relu(%x)\n"), ErrorId::E503, "64 bits");
  ExpectError(WithBody("  %a: f32[4 / 0] = relu(%x)\n"), ErrorId::E503, "divides by zero");
  ExpectError(WithBody("  %a: f32[s0 < 2] = relu(%x)\n"), ErrorId::E503, "predicate");
  ExpectError(WithBody("  %a: i8[4] = add(%i, 128)\n"), ErrorId::E504, "128 is not a value of i8");
  ExpectError(WithBody("  %a: i8[4] = add(%i, 0.5)\n"), ErrorId::E504, "i8");
  ExpectError(WithBody("  %a: f16[4] = add(%h, 1e6)\n"), ErrorId::E504, "too large");
  ExpectError(WithBody("  %a: f32[4] = add(1.0, 2.0, 3.0)\n"), ErrorId::E504, "one more");
  ExpectError(WithBody("  %a: f32[4]{1, 2} = relu(%x)\n"), ErrorId::E504, "rank 1");
  ExpectError(WithBody("  %a: f32[4] alias(%b) = relu(%x)\n"), ErrorId::E507, "alias");
  ExpectError(WithBody("  %a: f32[4] = norm(%x, dmis = [0])\n"), ErrorId::E508,
              "did you mean `dims`?");
  ExpectError(WithBody("  %a: f32[4] = norm(%x)\n"), ErrorId::E508, "`dims` is missing");
  ExpectError(WithBody("  %a: f32[4] = norm(%x, dims = 0)\n"), ErrorId::E508, "list of integers");
  ExpectError(WithBody("  %a: f32[4] = norm(%x, dims = [0], dims = [0])\n"), ErrorId::E508,
              "twice");
  ExpectError(WithBody("  %a: i64[2] = norm(%x, dims = [s0])\n"), ErrorId::E508, "integer");
  ExpectError("gir 2 module @m\n", ErrorId::E509, "version 2");
  ExpectError(WithBody("  then(%a: f32[4]) {\n    yield %a\n  }\n"), ErrorId::E505,
              "without an op");
  ExpectError(WithBody("  foo()\n    body() {\n      return\n    }\n"), ErrorId::E505, "yield");
  ExpectError(WithBody("  foo()\n    body() {\n      bar(%x)\n      yield\n    }\n"), ErrorId::E502,
              "sees only its own parameters");
  ExpectError(WithBody("  foo(\"open)\n"), ErrorId::E501, "does not end on its line");
  ExpectError(WithBody("  foo(\"\\q\")\n"), ErrorId::E501, "escapes");
}

TEST(Text, OneCauseIsOneError) {
  Diagnostics errors = ErrorsOf(
      WithBody("  %a: f32[4] = relu(%gone)\n  %b: f32[4] = add(%gone, %a)\n"
               "  %c: f32[4 = relu(%x)\n  %d: f32[4] = relu(%c)\n"
               "  %e: f32[s9] = relu(%d)\n  %f: f32[s9] = relu(%e)\n"
               "  %g: f32[4] = add(%x %x)\n    body(%k: f32[4]) {\n      yield %k\n    }\n"));
  ASSERT_EQ(errors.count(), 4u) << errors.Render();
  EXPECT_EQ(errors.list()[0].span.line, 4);
  EXPECT_EQ(errors.list()[1].span.line, 6);
  EXPECT_EQ(errors.list()[2].span.line, 8);
  EXPECT_EQ(errors.list()[3].span.line, 10);
}

TEST(Text, BrokenHeaderLeavesTheBodyQuiet) {
  Diagnostics errors = ErrorsOf(
      "gir 1 module @m\nfunc @f(%x: f33[4], %y: f32[s0]) -> () {\n  %a: f32[s0] = add(%x, %y)\n"
      "  return %a\n}\nfunc @g(%x: f32[4]) -> () {\n  relu(%z)\n  return\n}\n");
  ASSERT_EQ(errors.count(), 2u) << errors.Render();
  EXPECT_NE(errors.list()[0].message.find("did you mean"), std::string::npos);
  EXPECT_EQ(errors.list()[1].span.line, 7);
}

TEST(Text, NestingIsLimited) {
  std::string deep(10000, '(');
  ExpectError(WithBody("  %a: f32[" + deep + "] = relu(%x)\n"), ErrorId::E802, "nested");
  std::string lists(10000, '[');
  ExpectError(WithBody("  foo(" + lists + ")\n"), ErrorId::E802, "nested");
  std::string regions;
  for (int i = 0; i < 1000; ++i) regions += "foo()\nbody() {\n";
  for (int i = 0; i < 1000; ++i) regions += "yield\n}\n";
  ExpectError(WithBody(regions), ErrorId::E802, "nested");
}

TEST(Text, SizeIsLimited) {
  Diagnostics diagnostics;
  Parse("gir 1 module @m\n", NoOps(), diagnostics, {.max_bytes = 10});
  ASSERT_EQ(diagnostics.count(), 1u);
  EXPECT_EQ(diagnostics.list()[0].id, ErrorId::E802);
}

// What parses prints to a text that parses to the same text.
void ExpectStable(const std::string& text, const OpRegistry& ops) {
  Diagnostics diagnostics;
  Module module = Parse(text, ops, diagnostics);
  if (!diagnostics.ok()) return;
  const std::string once = Print(module);
  Diagnostics again;
  Module reparsed = Parse(once, ops, again);
  ASSERT_TRUE(again.ok()) << text << "\n---\n" << once << again.Render();
  ASSERT_EQ(Print(reparsed), once) << text;
  Verify(reparsed, again);  // whatever it says, it ends
}

TEST(Text, MutatedTextsDoNoHarm) {
  std::vector<std::string> seeds = SpecPrograms();
  seeds.emplace_back(kRegionOps);
  seeds.push_back(WithBody(
      "  %a: f32[s0, 4] = norm(%x, bias = %x, extra = [%x, %i], dims = [-1, 2], pred = s0 < 2)\n"
      "  %b: f32[s0, 4] = add(%a, 0.5)\n  %c: i64[2] = const([1, -2])\n"));
  constexpr std::string_view kPieces[] = {"(",
                                          ")",
                                          "[",
                                          "]",
                                          "{",
                                          "}",
                                          "<",
                                          ">",
                                          ",",
                                          "=",
                                          "\n",
                                          "%",
                                          "@",
                                          "\"",
                                          "//",
                                          "//!",
                                          " -> ",
                                          "-",
                                          "s0",
                                          "u0",
                                          "inf",
                                          "nan",
                                          "bits(1)",
                                          "1e999",
                                          "0x",
                                          "99999999999999999999",
                                          "%x",
                                          " defines u7 in [0, 4]",
                                          "attrs {a = 1}",
                                          "int<q>",
                                          "f32[",
                                          "loc(",
                                          "yield",
                                          "return",
                                          "\\x",
                                          "\xff",
                                          "alias(%x)",
                                          "not ",
                                          " and ",
                                          ".",
                                          ";",
                                          "?",
                                          "body(%a: f32[4]) {\n"};
  std::mt19937 random(20240607);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
  int runs = 0;
  while (runs < 20000 && std::chrono::steady_clock::now() < end) {
    std::string text = seeds[random() % seeds.size()];
    for (size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % (text.size() + 1);
      const size_t length = std::min<size_t>(random() % 12, text.size() - at);
      switch (random() % 4) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, kPieces[random() % std::size(kPieces)]);
          break;
        case 2:
          text.replace(at, length, kPieces[random() % std::size(kPieces)]);
          break;
        default:
          text.insert(random() % (text.size() + 1), text.substr(at, 4 * length));
          break;
      }
    }
    ExpectStable(text, random() % 2 == 0 ? SomeOps() : NoOps());
    if (HasFatalFailure()) return;
    ++runs;
  }
  EXPECT_GT(runs, 100);
}

}  // namespace
}  // namespace gcomp::ir
