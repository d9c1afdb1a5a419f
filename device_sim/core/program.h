// A loaded executable: verified, decoded once, its data objects placed in device memory and its relocations applied.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/check/data_dependence.h"
#include "device_sim/image/image.h"
#include "device_sim/isa/isa.h"
#include "device_sim/memory/address_space.h"

namespace phx::sim {

struct DecodedProgram;  // what the interpreter executes; core/execution.h

class Program {
 public:
  // `executable` has passed image::verify(). Objects are allocated: globals on members[0] (one home), constants
  // replicated over the members. `name` appears in faults and buffer names.
  static Expected<std::shared_ptr<Program>> load(image::Executable executable, AddressSpace& memory,
                                                 std::span<const uint16_t> members, std::string name);
  // The same program for other members, without reading its code again, which must hold no address of an object.
  static Expected<std::shared_ptr<Program>> load_again(const Program& loaded, AddressSpace& memory,
                                                       std::span<const uint16_t> members, std::string name);
  ~Program();  // frees the objects

  const image::Executable& executable() const { return executable_; }
  std::span<const image::Kernel> kernels() const { return executable_.kernels; }

  // Decoded instructions in code order; branch targets are indices in here (Instruction::ext of label rows holds the
  // index).
  std::span<const isa::Instruction> code() const { return code_; }
  uint32_t word_of(uint32_t index) const { return words_[index]; }
  std::span<const uint32_t> words() const { return words_; }  // of every instruction
  uint32_t index_of(uint32_t word) const;                     // word must start an instruction
  std::string place(uint32_t index) const;  // mnemonic and the user's line of an instruction: "st at race.cu:12"
  uint32_t entry(uint32_t kernel) const { return index_of(executable_.kernels[kernel].entry); }

  // Tile kernels: why the time of a launch may depend on loaded data, if it may. Found when first asked for; any
  // thread.
  std::optional<DataDependence> dependence(uint32_t kernel) const;
  // Tile kernels: whether a launch takes as long with all its buffers moved by one distance (movable_addresses.h).
  bool movable(uint32_t kernel) const;

  // Tells programs apart by the file they were loaded from; zeros if nobody has said.
  using Identity = std::array<uint64_t, 2>;
  const Identity& identity() const { return identity_; }
  void set_identity(const Identity& identity) { identity_ = identity; }
  // Addresses of the data objects, in the order of the executable's.
  std::span<const uint64_t> objects() const { return object_addresses_; }

  // Address and size of a data object; address 0 if there is none of that name.
  struct Symbol {
    uint64_t address = 0, size = 0;
    image::ObjectKind kind = image::ObjectKind::global;
  };
  Symbol symbol(std::string_view name) const;

  // The form that the interpreter executes, one record an instruction.
  // `observed`: with the loads and stores of SIMT programs shown to initcheck and racecheck; made when first asked for.
  const DecodedProgram& decoded(bool observed = false) const;

 private:
  // What is known of the kernels that somebody asked about. Shared with the same program for other members.
  struct Proofs {
    std::mutex mutex;
    std::map<uint32_t, std::optional<DataDependence>> dependences;
    std::map<uint32_t, bool> movable;
  };
  Program() = default;
  static Expected<std::shared_ptr<Program>> placed(image::Executable executable, AddressSpace& memory,
                                                   std::span<const uint16_t> members, const std::string& name);
  image::Executable executable_;
  std::vector<isa::Instruction> code_;
  std::vector<uint32_t> words_;
  std::vector<uint64_t> object_addresses_;
  std::shared_ptr<Proofs> proofs_ = std::make_shared<Proofs>();
  Identity identity_{};
  AddressSpace* memory_ = nullptr;
  std::shared_ptr<const DecodedProgram> decoded_;
  mutable std::once_flag observe_once_;
  mutable std::shared_ptr<const DecodedProgram> observed_;
};

}  // namespace phx::sim
