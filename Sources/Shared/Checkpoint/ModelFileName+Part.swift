extension ModelFileName {
    /// Which of a split model's files it is: `-00001-of-00003` before the ending.
    package struct Part: Equatable, Sendable, CustomStringConvertible {
        /// What five digits can count to.
        static let greatest = 99_999
        /// Characters of its description.
        static let length = 15

        /// From 1 on.
        package let number: Int
        package let count: Int

        package init(number: Int, count: Int) {
            self.number = number
            self.count = count
        }

        /// nil if it is not the name or the path of a part.
        init?(endOf path: String) {
            guard path.lowercased().hasSuffix(ModelFileName.ending) else { return nil }
            let pieces = path.dropLast(ModelFileName.ending.count).split(
                separator: "-", omittingEmptySubsequences: false)
            guard pieces.count > 3, pieces[pieces.count - 2] == "of",
                let number = Self.number(pieces[pieces.count - 3]), let count = Self.number(pieces[pieces.count - 1]),
                number <= count
            else { return nil }
            self.init(number: number, count: count)
        }

        /// The path of another part of the same model.
        static func path(of number: Int, from path: String) -> String? {
            guard let part = Self(endOf: path) else { return nil }
            let ending = path.suffix(ModelFileName.ending.count)
            return "\(path.dropLast(length + ending.count))\(Self(number: number, count: part.count))\(ending)"
        }

        package var description: String { "-\(Self.digits(number))-of-\(Self.digits(count))" }

        private static func digits(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(5 - digits.count, 0)) + digits
        }

        private static func number(_ text: Substring) -> Int? {
            guard text.utf8.count == 5, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return Int(text).flatMap { $0 > 0 ? $0 : nil }
        }
    }
}
