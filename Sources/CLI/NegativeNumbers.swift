/// Lists of numbers end at the next option, for which the parser takes a negative number.
enum NegativeNumbers {
    private static let lists: Set<String> = ["--temperatures", "--states-entering"]

    /// The arguments with every negative number of a list attached to the list's name, so that it is read as a number.
    static func attached(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var list: String?
        for argument in arguments {
            if let list, argument.hasPrefix("-"), Double(argument) != nil {
                if result.last == list { result.removeLast() }
                result.append("\(list)=\(argument)")
            } else {
                if argument.hasPrefix("-") { list = lists.contains(argument) ? argument : nil }
                result.append(argument)
            }
        }
        return result
    }
}
