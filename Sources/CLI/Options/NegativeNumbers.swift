/// Makes negative numbers in lists work: the parser takes them for the next option.
enum NegativeNumbers {
    private static let lists: Set<String> = ["--temperatures", "--states-entering"]

    /// The arguments with each negative number in a list attached to the list's name, so that it parses as a number.
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
