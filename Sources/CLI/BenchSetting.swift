import ArgumentParser
import Speculate

/// What is drafted in a measurement, as the command line names it.
struct BenchSetting: ExpressibleByArgument, Hashable {
    let name: String
    let speculation: Speculation

    static let plain = BenchSetting(name: "plain", speculation: .none)

    /// For the help.
    var defaultValueDescription: String { name }

    private init(name: String, speculation: Speculation) {
        self.name = name
        self.speculation = speculation
    }

    /// adaptive, plain, lookup:8, diffusion:3 (in a row), diffusion:4x2 (in two passes) or tree:3.
    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let numbers = parts.count == 2 ? parts[1].split(separator: "x").map { Int($0) } : []
        let speculation: Speculation
        switch (parts[0], numbers.count) {
        case ("adaptive", 0) where parts.count == 1: speculation = .adaptive
        case ("plain", 0) where parts.count == 1: speculation = .none
        case ("lookup", 1): speculation = .lookup(depth: numbers[0] ?? 0)
        case ("diffusion", 1): speculation = .diffusion(depth: numbers[0] ?? 0)
        case ("diffusion", 2): speculation = .diffusion(depth: numbers[0] ?? 0, passes: numbers[1] ?? 0)
        case ("tree", 1): speculation = .tree(tokens: numbers[0] ?? 0)
        default: return nil
        }
        self.init(name: argument, speculation: speculation)
    }
}
