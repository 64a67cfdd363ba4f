#include "jit/llvm/gdb_registration.h"

#include <llvm/BinaryFormat/ELF.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

// What debuggers look for. libLLVM has them, so that all users of LLVM in a process share one list.
extern "C" {
extern jit_descriptor __jit_debug_descriptor;
void __jit_debug_register_code();
}

namespace gcomp::codegen {
namespace {

namespace jitlink = llvm::jitlink;
namespace orc = llvm::orc;

// The list is one per process.
std::mutex& ListMutex() {
  static std::mutex mutex;
  return mutex;
}

// An object file in the list of the debugger, from List to its end.
class DebugObject {
 public:
  explicit DebugObject(llvm::StringRef object) : bytes_(object.begin(), object.end()) {}

  DebugObject(const DebugObject&) = delete;
  DebugObject& operator=(const DebugObject&) = delete;

  ~DebugObject() {
    if (!listed_) return;
    std::lock_guard lock(ListMutex());
    jit_code_entry*& link = entry_.prev_entry == nullptr ? __jit_debug_descriptor.first_entry
                                                         : entry_.prev_entry->next_entry;
    link = entry_.next_entry;
    if (entry_.next_entry != nullptr) entry_.next_entry->prev_entry = entry_.prev_entry;
    Tell(JIT_UNREGISTER_FN);
  }

  // Writes into the section headers where the sections are.
  void Place(jitlink::LinkGraph& graph) {
    using llvm::ELF::Elf64_Ehdr;
    using llvm::ELF::Elf64_Shdr;
    const auto* header = reinterpret_cast<const Elf64_Ehdr*>(bytes_.data());
    auto* sections = reinterpret_cast<Elf64_Shdr*>(bytes_.data() + header->e_shoff);
    const char* names = bytes_.data() + sections[header->e_shstrndx].sh_offset;
    for (unsigned i = 0; i < header->e_shnum; ++i) {
      const jitlink::Section* section = graph.findSectionByName(names + sections[i].sh_name);
      if (section == nullptr || section->blocks().empty()) continue;
      sections[i].sh_addr = jitlink::SectionRange(*section).getStart().getValue();
    }
  }

  void List() {
    std::lock_guard lock(ListMutex());
    entry_.symfile_addr = bytes_.data();
    entry_.symfile_size = bytes_.size();
    entry_.prev_entry = nullptr;
    entry_.next_entry = __jit_debug_descriptor.first_entry;
    if (entry_.next_entry != nullptr) entry_.next_entry->prev_entry = &entry_;
    __jit_debug_descriptor.first_entry = &entry_;
    listed_ = true;
    Tell(JIT_REGISTER_FN);
  }

 private:
  // Requires ListMutex.
  void Tell(jit_actions_t action) {
    __jit_debug_descriptor.relevant_entry = &entry_;
    __jit_debug_descriptor.action_flag = action;
    __jit_debug_register_code();
    __jit_debug_descriptor.relevant_entry = nullptr;
    __jit_debug_descriptor.action_flag = JIT_NOACTION;
  }

  std::vector<char> bytes_;
  jit_code_entry entry_ = {};
  bool listed_ = false;
};

// Thread safety: links and removals of one session take turns (LlvmEngine).
class GdbRegistration final : public orc::ObjectLinkingLayer::Plugin {
 public:
  void notifyMaterializing(orc::MaterializationResponsibility& responsibility,
                           jitlink::LinkGraph& /*graph*/, jitlink::JITLinkContext& /*context*/,
                           llvm::MemoryBufferRef object) override {
    linking_[&responsibility] = std::make_unique<DebugObject>(object.getBuffer());
  }

  void modifyPassConfig(orc::MaterializationResponsibility& responsibility,
                        jitlink::LinkGraph& /*graph*/,
                        jitlink::PassConfiguration& config) override {
    config.PostAllocationPasses.push_back([this, &responsibility](jitlink::LinkGraph& graph) {
      linking_[&responsibility]->Place(graph);
      return llvm::Error::success();
    });
  }

  llvm::Error notifyEmitted(orc::MaterializationResponsibility& responsibility) override {
    std::unique_ptr<DebugObject> object = std::move(linking_[&responsibility]);
    linking_.erase(&responsibility);
    object->List();
    return responsibility.withResourceKeyDo(
        [&](orc::ResourceKey key) { listed_[key].push_back(std::move(object)); });
  }

  llvm::Error notifyFailed(orc::MaterializationResponsibility& responsibility) override {
    linking_.erase(&responsibility);
    return llvm::Error::success();
  }

  llvm::Error notifyRemovingResources(orc::JITDylib& /*dylib*/, orc::ResourceKey key) override {
    listed_.erase(key);
    return llvm::Error::success();
  }

  void notifyTransferringResources(orc::JITDylib& /*dylib*/, orc::ResourceKey to,
                                   orc::ResourceKey from) override {
    auto moved = listed_.extract(from);
    if (moved.empty()) return;
    for (auto& object : moved.mapped()) listed_[to].push_back(std::move(object));
  }

 private:
  std::map<orc::MaterializationResponsibility*, std::unique_ptr<DebugObject>> linking_;
  std::map<orc::ResourceKey, std::vector<std::unique_ptr<DebugObject>>> listed_;
};

}  // namespace

bool WantsGdb() {
  const char* wanted = std::getenv("GCOMP_JIT_GDB");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

std::shared_ptr<orc::ObjectLinkingLayer::Plugin> MakeGdbRegistration() {
  return std::make_shared<GdbRegistration>();
}

}  // namespace gcomp::codegen
