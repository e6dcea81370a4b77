import ArgumentParser
import Speculate

/// A benchmark's speculation setting, as spelled on the command line.
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

    /// adaptive, plain, lookup:8, diffusion:3 (in a row), diffusion:4x2 (in two passes) tree:3 or eagle:5.
    init?(argument: String) {
        guard let speculation = argument == Self.plain.name ? Speculation.none : Speculation(argument) else {
            return nil
        }
        self.init(name: argument, speculation: speculation)
    }
}
