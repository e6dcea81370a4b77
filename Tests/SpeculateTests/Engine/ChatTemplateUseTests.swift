import Foundation
import Speculate
import SpeculateShared
import TestSupport
import Testing

/// What users see of a file's chat template.
@Suite struct ChatTemplateUseTests {
    private func engine(
        _ template: String, _ configuration: EngineConfiguration = EngineConfiguration(threads: 1),
        opensTurns: Bool = false
    ) async throws -> Engine {
        try await Fixtures.withTemporaryFolder { folder in
            let path = folder + "/model.gguf"
            try Fixtures.write("tiny-llama3.gguf", to: path) { metadata in
                metadata["tokenizer.chat_template"] = .string(template)
                guard opensTurns, case .array(.string(let tokens)) = metadata["tokenizer.ggml.tokens"] else { return }
                let texts = tokens.map { String(decoding: $0, as: UTF8.self) }
                metadata["tokenizer.ggml.tokens"] = .array(
                    .string(ByteStrings(texts.map { $0 == "<|end|>" ? "<|im_start|>" : $0 })))
            }
            return try await Engine.load(verifier: path, drafter: .none, configuration: configuration)
        }
    }

    private let question: [ChatMessage] = [.init(role: .user, content: "a")]

    private func failure(_ engine: Engine, _ messages: [ChatMessage]) async -> EngineError? {
        do throws(EngineError) {
            _ = try await engine.complete(.init(.chat(messages), maximumTokens: 1))
            return nil
        } catch {
            return error
        }
    }

    @Test("a template that refuses a conversation says why, and takes the next one")
    func refusal() async throws {
        let engine = try await engine(
            "{% if messages[0].role != 'user' %}{{ raise_exception('A user must begin') }}{% endif %}b")
        let error = await failure(engine, [.init(role: .system, content: "S")] + question)
        #expect(error?.code == .invalidRequest)
        #expect(error?.message == "the model's chat template refuses the conversation: 'A user must begin'")
        #expect(await failure(engine, question) == nil)
    }

    @Test("a template that cannot be read is named where a chat is asked for; texts and named formats do without it")
    func unreadable() async throws {
        let source = "\n{% import 'x' as y %}"
        let engine = try await engine(source)
        let error = await failure(engine, question)
        #expect(error?.code == .unsupportedChatTemplate)
        for part in ["line 2", "unknown statement 'import'", "no format's control tokens: give it text"] {
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "accepted")")
        }
        // Only formats that the vocabulary can have are advised.
        let able = await failure(try await self.engine(source, opensTurns: true), question)
        #expect(
            able?.message.hasSuffix("; say which format to use: 'chatml'") == true, "\(able?.message ?? "accepted")")
        #expect(try await engine.complete(.init(.text("a"), maximumTokens: 1)).tokens.count == 1)
        var configuration = EngineConfiguration(threads: 1)
        configuration.chatFormat = .chatml
        let named = await failure(try await self.engine(source, configuration), question)
        #expect(named?.message.contains("needs the control token '<|im_start|>'") == true)
    }

    @Test("a template sees the request's variables, and the engine's where the request has none")
    func variables() async throws {
        let source = "{{ 'aa' if enable_thinking else 'b' }}{{ 'c' * count }}"
        var configuration = EngineConfiguration(threads: 1)
        configuration.templateVariables = ["count": 2, "enable_thinking": true]
        let engine = try await engine(source, configuration)
        func text(_ variables: [String: ChatValue]) async throws -> String {
            let ids = try await engine.tokenize(.chat(question), templateVariables: variables)
            return try engine.detokenize(ids)
        }
        #expect(try await text([:]).hasSuffix("aacc"))
        #expect(try await text(["enable_thinking": false]).hasSuffix("bcc"))
        #expect(try await text(["count": 1]).hasSuffix("aac"))
        let batch = [["count": 1], ["count": 3]].map { (variables: [String: ChatValue]) in
            var request = CompletionRequest(.chat(question), maximumTokens: 1)
            request.templateVariables = variables
            return request
        }
        var counts: [Int] = []
        for request in batch { counts.append(try await engine.complete(request).statistics.promptTokens) }
        #expect(counts[0] < counts[1])
    }

    @Test("variables that would replace the conversation or special tokens are refused by name")
    func reserved() async throws {
        let engine = try await engine("b")
        for name in ["messages", "tools", "add_generation_prompt", "bos_token"] {
            let error = await #expect(throws: EngineError.self) {
                try await engine.tokenize(.chat(question), templateVariables: [name: "x"])
            }
            #expect(error?.code == .invalidRequest && error?.message.contains("'\(name)'") == true)
            var configuration = EngineConfiguration(threads: 1)
            configuration.templateVariables = [name: "x"]
            #expect(configuration.problem()?.contains("'\(name)'") == true)
        }
    }

    @Test("values are decoded as JSON has them, except objects, whose order decoders do not tell")
    func decoding() throws {
        let json = #"{"a": [1, 2.5, "x", null, [true]]}"#
        let values = try JSONDecoder().decode(Dictionary<String, ChatValue>.self, from: Data(json.utf8))
        let expected: ChatValue = [1, ChatValue.number(2.5), "x", ChatValue.none, [true]]
        #expect(values["a"] == expected)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Dictionary<String, ChatValue>.self, from: Data(#"{"a": {"b": 1}}"#.utf8))
        }
    }
}
