/// Searching and cutting, as Python's `str` does it.
extension JinjaString {
    /// Where `other` first begins at or after `start`; nil if nowhere. O(count + other.count).
    package func firstIndex(of other: JinjaString, from start: Int = 0) -> Int? {
        guard !other.isEmpty else { return start <= count ? start : nil }
        guard other.count <= count - start else { return nil }
        let pattern = other.scalars
        let fallback = Self.fallbacks(pattern)
        var matched = 0
        var index = start
        while index < count {
            while matched > 0, scalars[index] != pattern[matched] { matched = fallback[matched - 1] }
            if scalars[index] == pattern[matched] { matched += 1 }
            index += 1
            if matched == pattern.count { return index - matched }
        }
        return nil
    }

    /// For each prefix of the pattern, how much of its end is again a beginning (Knuth, Morris and Pratt).
    private static func fallbacks(_ pattern: [Unicode.Scalar]) -> [Int] {
        var fallback = [Int](repeating: 0, count: pattern.count)
        var matched = 0
        for index in pattern.indices.dropFirst() {
            while matched > 0, pattern[index] != pattern[matched] { matched = fallback[matched - 1] }
            if pattern[index] == pattern[matched] { matched += 1 }
            fallback[index] = matched
        }
        return fallback
    }

    /// Where `other` occurs without overlaps, from the left; at most `limit` times. An empty text occurs nowhere.
    package func occurrences(of other: JinjaString, limit: Int = .max) -> [Int] {
        guard !other.isEmpty, other.count <= count else { return [] }
        let pattern = other.scalars
        let fallback = Self.fallbacks(pattern)
        var found: [Int] = []
        var matched = 0
        for index in scalars.indices where found.count < limit {
            while matched > 0, scalars[index] != pattern[matched] { matched = fallback[matched - 1] }
            if scalars[index] == pattern[matched] { matched += 1 }
            if matched == pattern.count {
                found.append(index + 1 - matched)
                matched = 0
            }
        }
        return found
    }

    package var reversed: JinjaString { picking((0..<count).reversed()) }

    package func hasPrefix(_ other: JinjaString) -> Bool { scalars.starts(with: other.scalars) }

    package func hasSuffix(_ other: JinjaString) -> Bool {
        other.count <= count && scalars[(count - other.count)...].elementsEqual(other.scalars)
    }

    /// Without the characters of `set` at its ends; without white space where no set is given.
    package func trimmed(_ set: JinjaString? = nil, left: Bool = true, right: Bool = true) -> JinjaString {
        let set = set.map { Set($0.scalars) }
        let goes: (Unicode.Scalar) -> Bool = { scalar in set?.contains(scalar) ?? scalar.isPythonSpace }
        var range = 0..<count
        if left { while let first = range.first, goes(scalars[first]) { range = range.dropFirst() } }
        if right { while let last = range.last, goes(scalars[last]) { range = range.dropLast() } }
        return self[range]
    }

    package func replacing(_ old: JinjaString, with new: JinjaString, limit: Int = .max) -> JinjaString {
        if old.isEmpty { return interleaved(with: new, limit: limit) }
        var result = JinjaString()
        var position = 0
        for index in occurrences(of: old, limit: limit) {
            result.append(self[position..<index])
            result.append(new)
            position = index + old.count
        }
        guard position > 0 else { return self }
        result.append(self[position..<count])
        return result
    }

    /// What replacing the empty text does: `new` before every character and at the end.
    private func interleaved(with new: JinjaString, limit: Int) -> JinjaString {
        var result = JinjaString()
        for index in 0...count {
            if index < limit { result.append(new) }
            if index < count { result.append(scalars[index], isForeign: isForeign(at: index)) }
        }
        return result
    }

    /// The parts between occurrences of a separator, which is not empty.
    package func split(_ separator: JinjaString, limit: Int = .max, fromRight: Bool = false) -> [JinjaString] {
        if fromRight, limit < .max {
            return reversed.split(separator.reversed, limit: limit).reversed().map(\.reversed)
        }
        var parts: [JinjaString] = []
        var position = 0
        for index in occurrences(of: separator, limit: limit) {
            parts.append(self[position..<index])
            position = index + separator.count
        }
        return parts + [self[position..<count]]
    }

    /// The words between white space.
    package func words(limit: Int = .max, fromRight: Bool = false) -> [JinjaString] {
        if fromRight, limit < .max { return reversed.words(limit: limit).reversed().map(\.reversed) }
        var words: [JinjaString] = []
        var index = 0
        while true {
            while index < count, scalars[index].isPythonSpace { index += 1 }
            guard index < count else { return words }
            guard words.count < limit else { return words + [self[index..<count].trimmed(left: false)] }
            let start = index
            while index < count, !scalars[index].isPythonSpace { index += 1 }
            words.append(self[start..<index])
        }
    }

    /// The lines, without what ends them unless asked for.
    package func lines(keepingEnds: Bool = false) -> [JinjaString] {
        var lines: [JinjaString] = []
        var start = 0
        var index = 0
        while index < count {
            guard scalars[index].isPythonLineEnd else {
                index += 1
                continue
            }
            let end = index
            index += scalars[index] == "\r" && index + 1 < count && scalars[index + 1] == "\n" ? 2 : 1
            lines.append(self[start..<(keepingEnds ? index : end)])
            start = index
        }
        return start < count ? lines + [self[start..<count]] : lines
    }
}
