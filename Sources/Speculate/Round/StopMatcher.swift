/// Finds the first of several texts in a stream of bytes, in amortised O(1) per byte, however many texts there are and
/// however similar (Aho and Corasick, "Efficient string matching", 1975).
struct StopMatcher: Sendable {
    /// The bytes so far end with the path from the root to this node, and with no longer prefix of a text.
    private struct Node {
        var byte: UInt8 = 0
        /// Bytes from the root.
        var depth = 0
        /// A linked list of children: a node has at most as many as there are texts.
        var firstChild = -1
        var nextSibling = -1
        /// The node whose path is the longest proper suffix of this one's.
        var failure = 0
        /// The longest text that ends here; nil for none.
        var match: Int?
    }

    private let nodes: [Node]
    private var state = 0

    /// - Parameter texts: must not be empty. O(bytes · texts).
    init(_ texts: [[UInt8]]) {
        var nodes = [Node()]
        for (index, text) in texts.enumerated() {
            var node = 0
            for byte in text {
                if let child = Self.child(of: node, byte, nodes) {
                    node = child
                } else {
                    nodes.append(Node(byte: byte, depth: nodes[node].depth + 1, nextSibling: nodes[node].firstChild))
                    nodes[node].firstChild = nodes.count - 1
                    node = nodes.count - 1
                }
            }
            if nodes[node].match == nil { nodes[node].match = index }
        }
        // Breadth first: a failure link leads to a node nearer the root.
        var order = [0]
        var next = 0
        while next < order.count {
            let parent = order[next]
            next += 1
            var child = nodes[parent].firstChild
            while child >= 0 {
                if parent > 0 {
                    nodes[child].failure = Self.follow(nodes[parent].failure, nodes[child].byte, nodes)
                    nodes[child].match = nodes[child].match ?? nodes[nodes[child].failure].match
                }
                order.append(child)
                child = nodes[child].nextSibling
            }
        }
        self.nodes = nodes
    }

    /// The number of bytes at the end of the stream that begin some text.
    var pending: Int { nodes[state].depth }

    /// Consumes the next byte; returns the longest of the texts that end with it.
    mutating func advance(_ byte: UInt8) -> Int? {
        state = Self.follow(state, byte, nodes)
        return nodes[state].match
    }

    private static func child(of node: Int, _ byte: UInt8, _ nodes: [Node]) -> Int? {
        var child = nodes[node].firstChild
        while child >= 0 {
            if nodes[child].byte == byte { return child }
            child = nodes[child].nextSibling
        }
        return nil
    }

    private static func follow(_ start: Int, _ byte: UInt8, _ nodes: [Node]) -> Int {
        var node = start
        while true {
            if let child = child(of: node, byte, nodes) { return child }
            if node == 0 { return 0 }
            node = nodes[node].failure
        }
    }
}
