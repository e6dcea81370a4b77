import Foundation
import Testing

@testable import CLI

/// What keys do to a line, and how a terminal shows it.
@Suite struct LineEditingTests {
    private func keys(_ text: String) -> [Key] {
        var decoder = KeyDecoder()
        return text.utf8.compactMap { decoder.decode($0) }
    }

    @Test("bytes of a terminal become keys, whole characters, and pastes with their lines")
    func decoding() {
        #expect(keys("a é🌧") == [.text("a"), .text(" "), .text("é"), .text("🌧")])
        #expect(keys("\u{1b}[A\u{1b}[B\u{1b}[C\u{1b}[D\u{1b}OH\u{1b}[F") == [.up, .down, .right, .left, .home, .end])
        #expect(
            keys("\u{1b}[3~\u{7f}\u{08}\u{15}\u{0b}\u{17}") == [
                .delete, .backspace, .backspace, .deleteToStart, .deleteToEnd, .deleteWord,
            ])
        #expect(keys("\r\n\u{1b}\r\u{1b}b\u{1b}[1;5C") == [.enter, .newline, .newline, .wordLeft, .wordRight])
        #expect(keys("\u{03}\u{04}\u{0c}") == [.interrupt, .endOfInput, .clearScreen])
        #expect(keys("\u{1b}[200~one\r\ntwo\u{1b}[31m\u{1b}[201~x") == [.paste("one\ntwo[31m"), .text("x")])
        // Unknown sequences are dropped entirely.
        #expect(keys("\u{1b}[99;99ux\u{1b}[24~y\u{1}") == [.text("x"), .text("y"), .home])
    }

    @Test("typing, moving and deleting change the text where the cursor is")
    func editing() {
        var buffer = LineBuffer()
        func type(_ text: String) { for key in keys(text) { _ = buffer.apply(key) } }
        func press(_ key: Key) -> LineBuffer.Outcome { buffer.apply(key) }
        type("hello wrld\u{1b}[D\u{1b}[D\u{1b}[Do")
        #expect(buffer.text == "hello world" && buffer.cursor == 8)
        type("\u{17}")
        #expect(buffer.text == "hello rld" && buffer.cursor == 6)
        type("\u{01}\u{0b}")
        #expect(buffer.text.isEmpty)
        type("e\u{301}")  // The mark joins its letter.
        #expect(buffer.characters.count == 1 && buffer.cursor == 1)
        type("\u{7f}one two\u{1b}b\u{15}")
        #expect(buffer.text == "two" && buffer.cursor == 0)
        #expect(press(.interrupt) == .editing && buffer.text.isEmpty)
        #expect(press(.interrupt) == .interrupted)
        #expect(press(.endOfInput) == .ended)
    }

    @Test("a backslash or Alt-Enter begins another line, between which the arrows move")
    func lines() {
        var buffer = LineBuffer(history: ["before"])
        func press(_ key: Key) -> LineBuffer.Outcome { buffer.apply(key) }
        for key in keys("abc\\\rde\u{1b}\rf") { #expect(press(key) == .editing) }
        #expect(buffer.text == "abc\nde\nf")
        #expect(press(.up) == .editing && buffer.cursor == 5)
        #expect(press(.end) == .editing && buffer.cursor == 6)
        #expect(press(.up) == .editing && buffer.cursor == 2)
        #expect(press(.up) == .editing && buffer.text == "before")
        #expect(press(.down) == .editing && buffer.text == "abc\nde\nf")
        #expect(press(.enter) == .submitted("abc\nde\nf"))
    }

    @Test("a text that is sent from its first line leaves the cursor behind its last")
    func sending() {
        var buffer = LineBuffer()
        for key in keys("one\u{1b}\rtwo\u{1b}[A") { _ = buffer.apply(key) }
        #expect(buffer.cursor == 3)
        buffer.moveToEnd()
        #expect(buffer.picture(prompt: "> ", columns: 20).cursorRow == 1)
    }

    @Test("history comes back with the arrows, and what was being typed after it")
    func history() {
        var buffer = LineBuffer(history: ["one", "two"])
        for key in keys("thr\u{1b}[A") { _ = buffer.apply(key) }
        #expect(buffer.text == "two")
        for _ in 0..<3 { _ = buffer.apply(.up) }
        #expect(buffer.text == "one")
        for _ in 0..<3 { _ = buffer.apply(.down) }
        #expect(buffer.text == "thr" && buffer.cursor == 3)
    }

    @Test("a picture wraps before the last column and knows wide characters")
    func pictures() {
        var buffer = LineBuffer()
        for key in keys("abcdefgh") { _ = buffer.apply(key) }
        #expect(
            buffer.picture(prompt: "> ", columns: 8)
                == .init(rows: ["> abcde", "  fgh"], cursorRow: 1, cursorColumn: 5))
        _ = buffer.apply(.home)
        #expect(buffer.picture(prompt: "> ", columns: 8).cursorColumn == 2)
        buffer = LineBuffer()
        for key in keys("雨雨雨\u{1b}\rx") { _ = buffer.apply(key) }
        #expect(
            buffer.picture(prompt: "> ", columns: 8)
                == .init(rows: ["> 雨雨", "  雨", "  x"], cursorRow: 2, cursorColumn: 3))
        // The row is full: the cursor moves to the next.
        buffer = LineBuffer()
        for key in keys("abcde") { _ = buffer.apply(key) }
        let picture = buffer.picture(prompt: "> ", columns: 8)
        #expect(picture.rows[picture.cursorRow].count >= picture.cursorColumn && picture.cursorColumn < 8)
    }

    @Test("a chat's commands are told from what is said")
    func commands() {
        #expect(ChatInput("  ") == nil)
        #expect(ChatInput(" hello there \n") == .message("hello there"))
        #expect(ChatInput("/reset") == .reset && ChatInput("/retry") == .retry && ChatInput("/bye") == .exit)
        #expect(ChatInput("/system Be brief.") == .system("Be brief.") && ChatInput("/system") == .system(nil))
        #expect(ChatInput("/save a file.json") == .save("a file.json") && ChatInput("/load   x ") == .load("x"))
        #expect(ChatInput("/load 'a  b'") == .load("a  b") && ChatInput("/save \"c\"") == .save("c"))
        let home = FileManager.default.homeDirectoryForCurrentUser.path
        #expect(ChatInput("/save ~/c.json") == .save(home + "/c.json") && ChatInput("/load a~b") == .load("a~b"))
        #expect(ChatInput("/usr/bin holds what?") == .message("/usr/bin holds what?"))
        for wrong in ["/save", "/load", "/reset now", "/sing"] {
            guard case .mistake = ChatInput(wrong) else {
                Issue.record("\(wrong) is \(String(describing: ChatInput(wrong)))")
                continue
            }
        }
    }

    @Test("long lines are broken behind a comma, between words where they must, and indented")
    func wrapping() {
        let line = "answer   12 tokens, 3.5 tokens/s, ended by the limit"
        #expect(line.wrapped(to: nil) == line && line.wrapped(to: 80, indent: 9) == line)
        #expect(
            line.wrapped(to: 40, indent: 9, atCommas: true) == """
                answer   12 tokens, 3.5 tokens/s,
                         ended by the limit
                """)
        #expect(
            "one two three four\nfive".wrapped(to: 10) == """
                one two
                three four
                five
                """)
        #expect("abcdefghijkl mn".wrapped(to: 6, indent: 2) == "abcdefghijkl\n  mn")
    }

    @Test("a table that is too wide goes on below, beside its first column")
    func tables() {
        let rows = [["name", "aa", "bbb", "c"], ["long name", "1", "2", "3"]]
        #expect(
            TextTable.text(rows, columns: 80) == """
                name       aa  bbb  c
                long name   1    2  3
                """)
        #expect(
            TextTable.text(rows, columns: 18) == """
                name       aa  bbb
                long name   1    2

                name       c
                long name  3
                """)
    }

    @Test("a list's negative numbers are attached to its name, and to nothing else")
    func negatives() {
        #expect(
            NegativeNumbers.attached(["bench", "--temperatures", "-1", "0", "-0.5", "-n", "-1"]) == [
                "bench", "--temperatures=-1", "0", "--temperatures=-0.5", "-n", "-1",
            ])
    }

    @Test("only messages that begin with a setting's name name its flag")
    func flags() {
        #expect(FlagNames.replacing(in: "top_k is -2, expected 0 or more") == "--top-k is -2, expected 0 or more")
        #expect(FlagNames.replacing(in: "the prompt is empty") == "the prompt is empty")
    }

    @Test("a word that is nearly a subcommand is asked back about, other words are prompts")
    func misspelling() {
        for (word, name) in [("sevre", "serve"), ("chta", "chat"), ("bnech", "bench"), ("Inspect", "inspect")] {
            #expect(Misspelling.question([word])?.contains("'\(name)'") == true, "\(word)")
        }
        for words in [["serve"], ["Hello"], ["Once"], ["a chat"], ["help"], ["help", "serve"], ["--help"], []] {
            #expect(Misspelling.question(words) == nil, "\(words)")
        }
        #expect(Misspelling.question(["help", "nonsense"])?.contains("nonsense") == true)
    }

    @Test("a conversation forgets from its beginning, takes back from its end, and keeps its system message")
    func conversation() throws {
        var chat = Conversation(system: "S")
        for turn in 0..<3 {
            chat.ask("q\(turn)")
            chat.answer("a\(turn)")
        }
        let forgotten = chat.forget()
        #expect(forgotten == 2)
        #expect(chat.messages.map(\.content) == ["S", "q1", "a1", "q2", "a2"])
        chat.takeBackAnswer()
        #expect(chat.turns.map(\.content) == ["q1", "a1", "q2"])
        let forgottenThen = chat.forget()
        #expect(forgottenThen == 2 && chat.turns.map(\.content) == ["q2"])
        let forgottenAtLast = chat.forget()
        #expect(forgottenAtLast == 0)
        chat.reset()
        #expect(chat.isEmpty && chat.messages.map(\.content) == ["S"])
        chat.takeBackAnswer()
        #expect(chat.isEmpty)
    }
}
