// Graphs of any text: no crash, and what parses prints to a text that parses to the same text
// again.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"

namespace {

[[noreturn]] void Fail(const char* what, const std::string& a, const std::string& b) {
  std::fprintf(stderr, "%s\n--- first\n%s\n--- second\n%s\n", what, a.c_str(), b.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gcomp::ir::OpRegistry ops(gcomp::kernels::AllOps());
  std::string_view text(reinterpret_cast<const char*>(data), size);
  gcomp::ir::Diagnostics diagnostics("f.ir", text);
  gcomp::ir::Module module = gcomp::ir::Parse(text, ops, diagnostics);
  if (!diagnostics.ok()) {
    if (diagnostics.Render().empty()) Fail("an error without a message", std::string(text), "");
    return 0;
  }
  std::string printed = gcomp::ir::Print(module);
  gcomp::ir::Diagnostics again("again.ir", printed);
  gcomp::ir::Module reparsed = gcomp::ir::Parse(printed, ops, again);
  if (!again.ok()) Fail("the printed text does not parse", printed, again.Render());
  std::string reprinted = gcomp::ir::Print(reparsed);
  if (printed != reprinted) Fail("printing is not stable", printed, reprinted);
  gcomp::ir::Diagnostics verified("f.ir", text);
  gcomp::ir::Verify(module, verified);
  return 0;
}
