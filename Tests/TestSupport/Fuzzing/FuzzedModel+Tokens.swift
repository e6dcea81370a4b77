extension FuzzedModel {
    private static let tokensKey = "tokenizer.ggml.tokens"
    private static let mergesKey = "tokenizer.ggml.merges"
    private static let kindsKey = "tokenizer.ggml.token_type"

    /// Edits the lists of tokens, their kinds or merges. If the number of tokens changes, an odd `c` resizes the
    /// tensors too.
    mutating func editTokens(_ edit: Edit) {
        guard var tokens = file[Self.tokensKey]?.strings, !tokens.isEmpty else { return }
        if edit.operation == .changeMerges { return changeMerges(edit, tokens) }
        if edit.operation == .setTokenKind { return setTokenKind(edit) }
        // Tokens from 256 on are merged or control tokens.
        let index = (edit.place < 250 ? Int(edit.place) : max(tokens.count - 1 - Int(edit.place % 5), 0)) % tokens.count
        let next = (index + 1) % tokens.count
        let count = tokens.count
        switch edit.operation {
        case .cutTokens:
            // The concatenation of all tokens stays the same.
            switch edit.a % 4 {
            case 0:
                tokens[next] = Array(tokens[index].suffix(1)) + tokens[next]
                tokens[index].removeLast(min(1, tokens[index].count))
            case 1:
                tokens[index] += tokens[next]
                tokens[next] = []
            case 2: tokens.insert([], at: index)
            default:
                tokens[index] += tokens[next]
                tokens.remove(at: next)
            }
        case .addToken: tokens.insert(tokens[Int(edit.a) % count], at: edit.b % 2 == 0 ? count : index)
        case .removeToken: tokens.remove(at: edit.b % 2 == 0 ? count - 1 : index)
        case .setToken:
            switch edit.a % 8 {
            case 0: tokens[index] = []
            case 1: tokens[index] = tokens[Int(edit.b) % count]
            case 2: tokens[index] = [0xff, 0xfe]
            case 3: tokens[index] = Array("<|im_start|>".utf8)
            case 4: tokens[index] = Array("<|endoftext|>".utf8)
            case 5: tokens[index] = [UInt8](repeating: 0x61, count: Int(edit.b) * 64)
            case 6: tokens[index] = [edit.b]
            default: tokens[index] = [edit.b, edit.c]
            }
        default: tokens.swapAt(index, Int(edit.a) % count)
        }
        file[Self.tokensKey]?.strings = tokens
        guard tokens.count != count, edit.c % 2 == 1 else { return }
        shape.vocabulary += tokens.count - count
        if !isDrafter { shape.drafted = shape.vocabulary }
        reshape()
    }

    private mutating func changeMerges(_ edit: Edit, _ tokens: [[UInt8]]) {
        var merges = file[Self.mergesKey]?.strings ?? []
        let left = tokens[Int(edit.place) % tokens.count]
        let right = tokens[Int(edit.a) % tokens.count]
        switch edit.b % 8 {
        case 0: merges.append(left + [0x20] + right)
        case 1:
            // A valid one: the token that it makes exists.
            merges.append(left + [0x20] + right)
            file[Self.tokensKey]?.strings[Int(edit.c) % tokens.count] = left + right
        case 2: merges = []
        case 3: merges = merges.reversed()
        case 4: merges.append([])
        case 5: merges.append([0x20])
        case 6: merges += [[UInt8]](repeating: merges.first ?? [0x20], count: Int(edit.c) * 16)
        default: merges.append(left)
        }
        file[Self.mergesKey]?.strings = merges
    }

    private mutating func setTokenKind(_ edit: Edit) {
        guard case .array(let type, var kinds) = file[Self.kindsKey], !kinds.isEmpty else { return }
        for index in kinds.indices where edit.b % 2 == 1 || index == Int(edit.place) % kinds.count {
            kinds[index] = LooseValue(LooseNumber(edit.a % 10, low: 0, high: 0), type: type)
        }
        file[Self.kindsKey] = .array(of: type, kinds)
    }
}
