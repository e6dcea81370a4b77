/// Which tokens occur in the prompt, and how often each in the answer: the input of penalties. O(1) per token.
package struct TokenHistory: Sendable {
    package private(set) var prompt: Set<Int32>
    package private(set) var answer: [Int32: Int] = [:]

    package init(prompt: some Sequence<Int32> = []) { self.prompt = Set(prompt) }

    package mutating func append(_ token: Int32) { answer[token, default: 0] += 1 }
}
