import SpeculateShared

/// Proposes what followed the last occurrence of the sequence's final n-gram (Saxena, "Prompt lookup decoding", 2023):
/// free, and right wherever text repeats itself. Longer n-grams are tried first. O(Σ lengths) per token.
package final class PromptLookupDrafter: Drafter {
    /// Lengths of the n-grams that are matched, ascending.
    package let lengths: [Int]
    /// The index in `lengths` of the n-gram that the last proposal follows; nil for none.
    package private(set) var matched: Int?
    private var tokens: [Int32] = []
    /// For each length: n-gram hash → index after its last occurrence that has a successor.
    private var indices: [[UInt64: Int]]

    package init(lengths: [Int] = [2, 3, 4, 8]) {
        precondition(lengths.allSatisfy { $0 >= 1 } && lengths == lengths.sorted())
        self.lengths = lengths
        indices = Array(repeating: [:], count: lengths.count)
    }

    package func begin(_ prompt: [Int32]) {
        tokens.removeAll(keepingCapacity: true)
        for i in indices.indices { indices[i].removeAll(keepingCapacity: true) }
        commit(prompt[...])
    }

    package func commit(_ new: ArraySlice<Int32>) {
        for token in new {
            // An n-gram is added once it has a successor, so that the final one finds an earlier occurrence, not
            // itself.
            for (slot, length) in lengths.enumerated() where tokens.count >= length {
                indices[slot][hash(tokens[(tokens.count - length)...])] = tokens.count
            }
            tokens.append(token)
        }
    }

    package func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        proposal.removeAll()
        matched = nil
        guard maximum > 0 else { return }
        for (slot, length) in lengths.enumerated().reversed() where tokens.count >= length {
            let suffix = tokens[(tokens.count - length)...]
            guard let start = indices[slot][hash(suffix)], tokens[start - length..<start].elementsEqual(suffix) else {
                continue
            }
            matched = slot
            // If the match reaches the end of the text, continue with the draft itself: a loop.
            for offset in 0..<maximum {
                let index = start + offset
                proposal.append(index < tokens.count ? tokens[index] : proposal.tokens[index - tokens.count])
            }
            return
        }
    }

    private func hash(_ gram: ArraySlice<Int32>) -> UInt64 {
        gram.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64(UInt32(bitPattern: $1))) &* 0x100_0000_01b3 &+ $0 >> 32 }
    }
}
