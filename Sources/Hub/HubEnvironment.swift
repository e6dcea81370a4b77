import Foundation

/// The process's environment. A variable without a value is none.
package struct HubEnvironment: Sendable {
    private let variables: [String: String]

    package init(_ variables: [String: String] = ProcessInfo.processInfo.environment) { self.variables = variables }

    subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// The user's folder of what can be fetched again.
    var caches: String {
        self["XDG_CACHE_HOME"]
            ?? (self["HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path) + "/.cache"
    }
}
