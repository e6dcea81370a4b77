/// How much a template may ask for.
package struct JinjaLimits: Sendable {
    /// Bytes of a template's text.
    package var sourceBytes = 1 << 20
    /// Levels of nested statements, expressions, macro calls and values. 200 levels take at most 256 KB of stack.
    package var depth = 200
    /// Work of one rendering: `nodeCost` per expression or statement, 1 per character that is made or searched, 4 per
    /// element of a list. This bounds memory, too: no more characters and elements can exist than were paid for.
    package var work = 50_000_000
    /// Characters that are rendered.
    package var output = 16 << 20

    package static let nodeCost = 8
    package static let elementCost = 4

    package init() {}
}
