import CKernels

/// The vector kernels in use: those of the processor's best instruction set, or of the one named by the environment
/// variable SPECULATE_ISA (portable, neon, avx2, avx2-vnni, avx512).
package struct Kernels: @unchecked Sendable {
    package struct Unavailable: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package static let environmentVariable = "SPECULATE_ISA"

    package let isa: spk_isa
    package let table: UnsafePointer<spk_kernels>

    package init() throws(Unavailable) {
        guard let value = getenv(Self.environmentVariable), value.pointee != 0 else {
            isa = spk_best_isa()
            table = spk_kernels_for(isa)
            return
        }
        let name = String(cString: value)
        guard let kernels = Self.available.first(where: { $0.name == name }) else {
            let names = Self.available.map(\.name).joined(separator: ", ")
            throw Unavailable(
                description: "\(Self.environmentVariable) is '\(name)', but this processor and build offer: \(names)")
        }
        self = kernels
    }

    private init?(isa: spk_isa) {
        guard let table = spk_kernels_for(isa) else { return nil }
        self.isa = isa
        self.table = table
    }

    /// Whether they use only vector instructions that every processor of the architecture has.
    package var isPortable: Bool { isa == SPK_ISA_PORTABLE }

    package var name: String { String(cString: spk_isa_name(isa)) }

    /// All kernels that this processor can run, the portable ones first.
    package static var available: [Kernels] {
        (SPK_ISA_PORTABLE.rawValue...SPK_ISA_AVX512.rawValue).compactMap { Kernels(isa: spk_isa(rawValue: $0)) }
    }
}

extension spk_kernels {
    /// The token with the greatest logit, the lowest among equals; nil if that logit is not finite.
    package func likeliest(_ logits: UnsafePointer<Float>, _ count: Int) -> Int32? {
        let token = argmax(logits, Int32(count))
        return logits[Int(token)].isFinite ? token : nil
    }
}
