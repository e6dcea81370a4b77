/// Random numbers that are a function of (seed, position, stream) alone: the verifier's draw at a position does not
/// depend on what was drafted, accepted or computed before. Streams of a round tell apart draws that come again at a
/// position. Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
package struct CounterRandom: Equatable, Sendable {
    /// What the numbers at a position are used for: each purpose has its own.
    package struct Stream: Equatable, Sendable {
        let value: UInt64

        /// The verifier's draws.
        package static let verifier = Stream(value: 0)
        /// A drafter's draws in the round after so many tokens. A round of its own each: `block` looks at tokens beyond
        /// those that it keeps, so that the numbers which these were drawn with are not like others any more.
        package static func drafter(round: Int) -> Stream { Stream(value: UInt64(round + 1) << 40 + 1) }
        /// Random reveal orders.
        package static let order = Stream(value: 2)
        /// Whether a drafted token is accepted, by round too.
        package static func acceptance(round: Int) -> Stream { Stream(value: UInt64(round + 1) << 40 + 3) }
        /// The replacement of a rejected token.
        package static let residual = Stream(value: 4)
        /// Draws among tokens without Gumbel noise of their own.
        package static let unlikely = Stream(value: 5)
        /// What moves a token's state of a diffusion process after a pass, or before the first.
        package static func state(pass: Int, purpose: Int) -> Stream {
            Stream(value: 1 << 62 + UInt64(pass) << 20 + UInt64(purpose))
        }
        /// Seeds of what is drawn apart.
        package static let seeds = Stream(value: 6)
        /// A token's Gumbel noise.
        package static func gumbel(_ token: Int) -> Stream { Stream(value: 1 << 8 + UInt64(token)) }
    }

    package let seed: UInt64

    package init(seed: UInt64) { self.seed = seed }

    /// Uniform on [0, 1), 53 bits.
    package func uniform(position: Int, stream: Stream = .verifier) -> Double {
        Double(bits(position, stream) >> 11) * 0x1p-53
    }

    /// A seed for the part `number` of what is drawn with this one: unlike those of other seeds' parts.
    package func seed(ofPart number: Int) -> UInt64 { bits(number, .seeds) }

    private func bits(_ position: Int, _ stream: Stream) -> UInt64 {
        let position = UInt64(position)
        let words = Self.philox(
            counter: (
                UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
                UInt32(truncatingIfNeeded: stream.value), UInt32(truncatingIfNeeded: stream.value >> 32)
            ),
            key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        return UInt64(words.0) << 32 | UInt64(words.1)
    }

    package typealias Words = (UInt32, UInt32, UInt32, UInt32)

    package static func philox(counter: Words, key: (UInt32, UInt32)) -> Words {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let a = UInt64(0xd251_1f53) * UInt64(c.0)
            let b = UInt64(0xcd9e_8d57) * UInt64(c.2)
            c = (
                UInt32(b >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: b), UInt32(a >> 32) ^ c.3 ^ k.1,
                UInt32(truncatingIfNeeded: a)
            )
            k = (k.0 &+ 0x9e37_79b9, k.1 &+ 0xbb67_ae85)
        }
        return c
    }
}
