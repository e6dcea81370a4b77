/// A list or tuple, which nothing changes once it is made.
package struct JinjaList: Sendable {
    package let items: [JinjaValue]
    package let isTuple: Bool
    /// Levels of values inside.
    package let depth: Int

    package init(_ items: [JinjaValue], isTuple: Bool = false) {
        self.items = items
        self.isTuple = isTuple
        depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
    }
}
