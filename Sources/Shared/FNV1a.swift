/// The 64-bit FNV-1a hash (Fowler, Noll & Vo): short, and identical on every machine and in every run.
package enum FNV1a {
    private static let basis = UInt64(0xcbf2_9ce4_8422_2325)
    private static let prime = UInt64(0x100_0000_01b3)

    @inline(__always)
    package static func hash(_ bytes: UnsafeBufferPointer<UInt8>, after start: UInt64? = nil) -> UInt64 {
        var hash = start ?? basis
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* prime }
        return hash
    }

    package static func hash(_ text: String) -> UInt64 { Array(text.utf8).withUnsafeBufferPointer { hash($0) } }
}
