extension FuzzedModel {
    /// Changes bytes of a file, usually in its header.
    static func damage(_ bytes: inout [UInt8], _ edit: Edit) {
        let place = Int(edit.a) | Int(edit.b) << 8 | (edit.place >= 192 ? Int(edit.place % 64) << 16 : 0)
        let index = (edit.place >= 128 ? place : place % 1024) % bytes.count
        let word = index..<min(index + 8, bytes.count)
        switch edit.operation {
        case .flipBits: bytes[index] ^= 1 << (edit.c % 8)
        case .setByte: bytes[index] = edit.c
        case .setWord:
            let number = LooseNumber(edit.c % 128, low: 0, high: 0).integer
            bytes.replaceSubrange(word, with: withUnsafeBytes(of: number) { $0.prefix(word.count) })
        case .truncate: bytes.removeSubrange(index...)
        case .extend: bytes += [UInt8](repeating: edit.c, count: place % 8192)
        default: bytes.removeSubrange(index..<min(index + Int(edit.c), bytes.count))
        }
    }
}
