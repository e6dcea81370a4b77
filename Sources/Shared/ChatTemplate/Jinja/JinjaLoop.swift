/// The variable `loop` of one round of a `for`.
package struct JinjaLoop: Sendable {
    /// Tells the loop from others, for `loop.changed`.
    package let serial: Int
    package let items: [JinjaValue]
    package let index: Int
    package let depthOfItems: Int

    package var length: Int { items.count }

    package func attribute(_ name: String) -> JinjaValue? {
        switch name {
        case "index": .integer(index + 1)
        case "index0": .integer(index)
        case "revindex": .integer(length - index)
        case "revindex0": .integer(length - index - 1)
        case "first": .bool(index == 0)
        case "last": .bool(index == length - 1)
        case "length": .integer(length)
        // Only recursive loops, of which there are none, have a depth.
        case "depth": .integer(1)
        case "depth0": .integer(0)
        case "previtem": index > 0 ? items[index - 1] : .undefined("'loop.previtem'")
        case "nextitem": index + 1 < length ? items[index + 1] : .undefined("'loop.nextitem'")
        case "cycle", "changed": .method(name)
        default: nil
        }
    }
}
