import Foundation
import SpeculateShared
import TestSupport
import Testing

/// Against Python's jinja2, in the environment that Hugging Face's transformers sets up.
@Suite struct JinjaGoldenTests {
    struct Row: Decodable {
        let set: String?
        let variables: OrderedValue?
        let snippet: String?
        let template: String?
        let mode: String?
        let text: String?
        let error: String?
    }

    static let rows = Result { try Fixtures.lines("templates.jsonl", as: Row.self) }
    static let now = CivilTime(year: 2025, month: 7, day: 4, hour: 9, minute: 5, second: 3)

    static func sets() throws -> [String: ChatValue] {
        var sets: [String: ChatValue] = [:]
        for row in try rows.get() {
            if let name = row.set, let variables = row.variables { sets[name] = variables.value }
        }
        return sets
    }

    static func members(_ value: ChatValue?) -> [ChatValue.Member] {
        if case .object(let members) = value { members } else { [] }
    }

    static func template(_ name: String) throws -> String {
        try String(contentsOfFile: Fixtures.path("templates/\(name).jinja"), encoding: .utf8)
    }

    /// What the text says, without its origins.
    static func text(_ parts: [ChatTemplate.Part]) -> String {
        parts.map { part in
            switch part {
            case .template(let text), .content(let text): text
            }
        }.joined()
    }

    @Test("snippets give what Python's jinja2 gives, and fail where it fails")
    func snippets() throws {
        var variables: [String: JinjaValue] = [:]
        for member in Self.members(try Self.sets()["snippets"]) {
            variables[member.name] = try JinjaValue(member.value, depth: 50)
        }
        var count = 0
        for row in try Self.rows.get() {
            guard let snippet = row.snippet else { continue }
            count += 1
            let result = Result { try JinjaTemplate(snippet).render(variables, now: Self.now) }
            switch result {
            case .success(let text):
                #expect(text.text == row.text, "\(snippet.debugDescription): \(row.error ?? "")")
            case .failure(let error):
                #expect(row.error != nil, "\(snippet.debugDescription): \(error); \(row.text ?? "")")
            }
        }
        #expect(count > 600)
    }

    @Test("models' templates give what Python's jinja2 gives, conversation by conversation")
    func templates() throws {
        let sets = try Self.sets()
        var templates: [String: ChatTemplate] = [:]
        var count = 0
        for row in try Self.rows.get() {
            guard let name = row.template, let set = row.set, let mode = row.mode else { continue }
            count += 1
            if templates[name] == nil {
                templates[name] = ChatTemplate(
                    jinja: try Self.template(name), specialTokens: ["bos_token": "<s>", "eos_token": "</s>"])
            }
            let template = try #require(templates[name])
            #expect(template.error == nil, "\(name)")
            var context = ChatContext()
            context.now = Self.now
            var messages: [ChatValue] = []
            for member in Self.members(sets[set]) {
                switch (member.name, member.value) {
                case ("messages", .list(let items)): messages = items
                case ("tools", .list(let items)): context.tools = items
                default: context.variables[member.name] = member.value
                }
            }
            // With an answer at its end, an open conversation is one that continues it.
            if mode == "open", messages.last?["role"] == "assistant" { continue }
            do {
                let text = Self.text(
                    try template.render(values: messages, opensAnswer: mode != "closed", context: context))
                #expect(text == row.text, "\(name), \(set), \(mode): \(row.error ?? "")")
            } catch {
                #expect(row.error != nil, "\(name), \(set), \(mode): \(error)")
            }
        }
        #expect(count > 600)
    }
}
