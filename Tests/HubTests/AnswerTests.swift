import Foundation
import SpeculateShared
import Testing

@testable import SpeculateHub

/// What the hub's headers mean, and how often it is asked.
@Suite struct AnswerTests {
    @Test("Content-Range is read")
    func ranges() {
        #expect(ContentRange("bytes 5-9/10") == ContentRange(first: 5, total: 10))
        #expect(ContentRange("Bytes 0-0/*") == ContentRange(first: 0, total: nil))
        for text in [
            "", "bytes", "bytes */10", "bytes 5-9", "bytes x-9/10", "bytes 5-9/x", "lines 5-9/10", "bytes -5/10/1",
        ] {
            #expect(ContentRange(text) == nil, "\(text)")
        }
    }

    @Test("Link leads to the next page alone")
    func links() {
        #expect(LinkHeader.next("<https://x/y?a=1,2&b>; rel=\"next\"") == "https://x/y?a=1,2&b")
        #expect(LinkHeader.next("<a>; rel=\"first\", <b> ; rel=next") == "b")
        for text in ["", "<a>; rel=\"prev\"", "a; rel=next", "<a", "<a>"] { #expect(LinkHeader.next(text[...]) == nil) }
    }

    @Test("Retry-After is seconds or a date")
    func pauses() {
        let now = Date(timeIntervalSince1970: 784_111_777)  // RFC 9110's own example.
        #expect(RetryAfter.pause("120") == .seconds(120))
        #expect(RetryAfter.pause("Sun, 06 Nov 1994 08:50:07 GMT", now: now) == .seconds(30))
        #expect(RetryAfter.pause("Sun, 06 Nov 1994 08:00:00 GMT", now: now) == .zero)
        for text in ["", "-1", "soon", "1.5"] { #expect(RetryAfter.pause(text) == nil) }
    }

    @Test("pauses double until something is gained, and attempts are bounded")
    func attempts() throws {
        var attempts = Attempts()
        let failure = TransientFailure("cut")
        let first = try (0..<4).map { _ in try attempts.pause(after: failure, hasGained: false, "x") }
        #expect(first == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)])
        #expect(throws: ModelFileError(.runtime, "x: cut, 5 times in a row")) {
            try attempts.pause(after: failure, hasGained: false, "x")
        }
        var lucky = Attempts()
        for _ in 1..<Attempts.inAll {
            #expect(try lucky.pause(after: failure, hasGained: true, "x") == .milliseconds(500))
        }
        #expect(throws: ModelFileError.self) { try lucky.pause(after: failure, hasGained: true, "x") }
        var patient = Attempts()
        let busy = TransientFailure("busy", pause: .seconds(7))
        #expect(try patient.pause(after: busy, hasGained: false, "x") == .seconds(7))
        let long = TransientFailure("busy", pause: .seconds(121))
        #expect(throws: ModelFileError.self) { try patient.pause(after: long, hasGained: false, "x") }
    }

    @Test("digests are told apart by their length")
    func digests() {
        let long = String(repeating: "a", count: 64)
        let short = String(repeating: "1", count: 40)
        #expect(ExpectedDigest("\"\(long)\"") == .sha256(long) && ExpectedDigest("sha256:\(long)") == .sha256(long))
        #expect(ExpectedDigest("W/\"\(short)\"") == .gitBlob(short))
        for text in ["", "\"", "\"\"", long.uppercased(), long + "a", "\"d41d8cd98f00b204e9800998ecf8427e-5\""] {
            #expect(ExpectedDigest(text) == nil, "\(text)")
        }
    }

    @Test("sums are those of the standards")
    func sums() {
        var sha256 = RunningDigest(for: .sha256(""), byteCount: 3)
        sha256.update(Array("a".utf8))
        sha256.update(Array("bc".utf8))
        #expect(
            sha256.mismatch(with: .sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")) == nil)
        var blob = RunningDigest(for: .gitBlob(""), byteCount: 6)
        blob.update(Array("hello\n".utf8))
        #expect(blob.mismatch(with: .gitBlob("ce013625030ba8dba906f756967f9e9ca394464a")) == nil)
        #expect(blob.mismatch(with: .gitBlob("00")) != nil)
    }

    @Test(
        "sizes are short",
        arguments: [
            (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (92_900_000, "92.9 MB"), (999_949, "999.9 kB"),
            (999_960, "1.0 MB"), (1 << 59, "576.5 PB"),
        ])
    func sizes(count: Int, text: String) {
        #expect(count.bytesForPeople == text)
    }
}
