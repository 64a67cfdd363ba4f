// Names and places of compiled functions for debuggers, by the JIT interface of GDB that others
// (LLDB) know too: a list of object files in memory, and a function with their breakpoint, which is
// called when the list changes. docs: "JIT Compilation Interface" in the manual of GDB.
#pragma once

#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <memory>

namespace gcomp::codegen {

// The environment variable GCOMP_JIT_GDB is 1. Code then keeps what unwinding it needs.
bool WantsGdb();

// A plugin that lists the object file of all that is linked, until it is freed. It costs memory for
// a second copy of each.
std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> MakeGdbRegistration();

}  // namespace gcomp::codegen
