import Foundation
import SpeculateShared
import TestSupport
import Testing

@Suite struct JinjaMutationTests {
    private static let fragments = [
        "{%", "%}", "{{", "}}", "{#", "#}", "-", "+", "'", "\"", "\\", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":",
        "~",
        " if ", " else ", " for ", " in ", " is ", " not ", " and ", "loop", "messages", "content", "none", "true", "0",
        "1",
        "9999999999", "1.5e300", "*", "**", "//", "%", "==", "<", " | tojson", " | trim", " | list", ".items()",
        ".split('",
        "{% set x = ", "{% endif %}", "{% endfor %}", "{% macro f(x) %}", "{% endmacro %}", "namespace(", "range(",
        "\n", "é",
        "\u{0}", "\u{301}", "👍",
    ]

    private func mutated(_ source: [Unicode.Scalar], _ rng: inout SplitMix) -> String {
        var scalars = source
        for _ in 0..<Int.random(in: 1...6, using: &rng) {
            let place = Int.random(in: 0...scalars.count, using: &rng)
            let end = min(scalars.count, place + Int.random(in: 0...12, using: &rng))
            switch Int.random(in: 0..<4, using: &rng) {
            case 0: scalars.removeSubrange(place..<end)
            case 1: scalars.insert(contentsOf: Self.fragments.randomElement(using: &rng)!.unicodeScalars, at: place)
            case 2:
                scalars.replaceSubrange(place..<end, with: Self.fragments.randomElement(using: &rng)!.unicodeScalars)
            default:
                let other = Int.random(in: 0...scalars.count, using: &rng)
                let piece = Array(scalars[other..<min(scalars.count, other + Int.random(in: 0...60, using: &rng))])
                scalars.insert(contentsOf: piece, at: place)
            }
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    @Test("a damaged template is an error or another text, never a crash, and no control token is anyone's words")
    func mutations() throws {
        let names = Set(try JinjaGoldenTests.rows.get().compactMap(\.template)).sorted()
        let sets = try JinjaGoldenTests.sets()
        let conversations = ["system-turns", "thought", "called-twice"].map { JinjaGoldenTests.members(sets[$0]) }
        var limits = JinjaLimits()
        limits.work = 500_000
        var rng = SplitMix(3)
        var rendered = 0
        for name in names {
            let source = Array(try JinjaGoldenTests.template(name).unicodeScalars)
            for round in 0..<40 {
                let template = ChatTemplate(jinja: mutated(source, &rng), limits: limits)
                var context = ChatContext()
                context.now = JinjaGoldenTests.now
                var messages: [ChatValue] = []
                for member in conversations[round % conversations.count] {
                    switch (member.name, member.value) {
                    case ("messages", .list(let items)): messages = items
                    case ("tools", .list(let items)): context.tools = items
                    default: context.variables[member.name] = member.value
                    }
                }
                if (try? template.render(values: messages, opensAnswer: round % 2 == 0, context: context)) != nil {
                    rendered += 1
                }
            }
        }
        #expect(rendered > 100)
    }

    @Test("random pieces of the language are an error or a text, never a crash")
    func soup() {
        var rng = SplitMix(4)
        var limits = JinjaLimits()
        limits.work = 200_000
        for _ in 0..<20_000 {
            let source = (0..<Int.random(in: 1...25, using: &rng)).map { _ in
                Self.fragments.randomElement(using: &rng)!
            }.joined()
            _ = try? JinjaTemplate(source, limits: limits).render(["x": .text("a")], now: JinjaGoldenTests.now)
        }
    }
}
