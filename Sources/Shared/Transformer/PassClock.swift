/// Counts a verifier's passes: what one computed lies in memory that the next one overwrites.
package final class PassClock {
    package private(set) var time = 0
    package init() {}
    package func advance() { time += 1 }
}
