import Foundation
import Speculate
import SpeculateAdaptation
import TestSupport
import Testing

@testable import CLI

/// Files of past answers.
@Suite struct HistoryTests {
    private func read(_ text: String) throws -> [AdaptationText] {
        try Fixtures.withTemporaryFolder { folder in
            try Data(text.utf8).write(to: URL(filePath: folder + "/h"))
            return try HistoryLine.read(folder + "/h")
        }
    }

    @Test("a batch's results, prompts with answers and chats are read; each answer of a chat follows what is before it")
    func forms() throws {
        let user = ChatMessage(role: .user, content: "Hi")
        let answer = ChatMessage(role: .assistant, content: "Yes.")
        #expect(
            try read(
                """
                {"index":0,"prompt_ids":[4,5],"tokens":[6],"text":"x"}
                {"prompt":"Hi","text":"Yes."}

                {"prompt":"Hi","text":"Yes.","raw":true}
                {"prompt":"Hi","text":"Yes.","system":"Be brief."}
                {"index":4,"error":"too long"}
                {"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes."},\
                {"role":"user","content":"Hi"},{"role":"assistant","content":"No."}]}
                """) == [
                    .answered(.tokens([4, 5]), .tokens([6])), .answered(.chat([user]), .text("Yes.")),
                    .answered(.text("Hi"), .text("Yes.")),
                    .answered(.chat([ChatMessage(role: .system, content: "Be brief."), user]), .text("Yes.")),
                    .answered(.chat([user]), .text("Yes.")), .answered(.chat([user, answer, user]), .text("No.")),
                ])
    }

    @Test(
        "a line of another form is named",
        arguments: [
            "[]", "{}", #"{"prompt":"x"}"#, #"{"text":"x"}"#, #"{"prompt_ids":[1],"text":"x"}"#,
            #"{"messages":[{"role":"bird","content":"x"}]}"#, #"{"messages":[{"role":"user","content":[1]}]}"#, "no",
            #"{"prompt_ids":[5000000000],"tokens":[1]}"#,
        ])
    func unknown(_ line: String) throws {
        #expect {
            _ = try read("{\"prompt\":\"a\",\"text\":\"b\"}\n" + line)
        } throws: { error in
            (error as? EngineError)?.code == .invalidRequest && "\(error)".contains("line 2: expected a JSON object")
        }
    }
}
