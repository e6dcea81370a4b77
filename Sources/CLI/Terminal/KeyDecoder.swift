import SpeculateShared

/// Decodes the bytes that a terminal in raw mode sends into keys (ECMA-48, and xterm's bracketed paste).
struct KeyDecoder {
    private static let pasteEnd = Array("\u{1b}[201~".utf8)

    private var text = StreamingDecoder()
    /// The bytes of an unfinished escape sequence.
    private var sequence: [UInt8] = []
    private var pasted: [UInt8]?

    /// The key that this byte completes; nil if more bytes must follow, and for sequences without a meaning here.
    mutating func decode(_ byte: UInt8) -> Key? {
        if pasted != nil { return paste(byte) }
        if !sequence.isEmpty { return escape(byte) }
        switch byte {
        case 0x1b:
            sequence = [byte]
            return nil
        case 0x01: return .home
        case 0x02: return .left
        case 0x03: return .interrupt
        case 0x04: return .endOfInput
        case 0x05: return .end
        case 0x06: return .right
        case 0x08, 0x7f: return .backspace
        case 0x09: return .text("    ")
        case 0x0a: return .newline
        case 0x0b: return .deleteToEnd
        case 0x0c: return .clearScreen
        case 0x0d: return .enter
        case 0x0e: return .down
        case 0x10: return .up
        case 0x15: return .deleteToStart
        case 0x17: return .deleteWord
        case 0x00..<0x20: return nil
        default:
            let text = text.append([byte])
            return text.isEmpty ? nil : .text(text)
        }
    }

    private mutating func escape(_ byte: UInt8) -> Key? {
        sequence.append(byte)
        // After '[', parameters end at a byte from '@' on; after 'O' there is one more byte; anything else is one byte
        // with Alt.
        if sequence.count == 2, byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") { return nil }
        if sequence[1] == UInt8(ascii: "["), !(0x40...0x7e).contains(byte), sequence.count < 16 { return nil }
        defer { sequence = [] }
        switch String(decoding: sequence.dropFirst(), as: UTF8.self) {
        case "[A", "OA": return .up
        case "[B", "OB": return .down
        case "[C", "OC": return .right
        case "[D", "OD": return .left
        case "[H", "OH", "[1~", "[7~": return .home
        case "[F", "OF", "[4~", "[8~": return .end
        case "[3~": return .delete
        case "[1;5C", "[1;3C", "f": return .wordRight
        case "[1;5D", "[1;3D", "b": return .wordLeft
        case "\r", "\n": return .newline
        case "\u{7f}", "\u{08}": return .deleteWord
        case "[200~":
            pasted = []
            return nil
        default: return nil
        }
    }

    private mutating func paste(_ byte: UInt8) -> Key? {
        pasted?.append(byte)
        guard let bytes = pasted, bytes.suffix(Self.pasteEnd.count).elementsEqual(Self.pasteEnd) else { return nil }
        pasted = nil
        let text = String(decoding: bytes.dropLast(Self.pasteEnd.count), as: UTF8.self)
        let lines = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n").replacing("\t", with: "    ")
        return .paste(String(lines.unicodeScalars.filter { $0 == "\n" || $0.properties.generalCategory != .control }))
    }
}
