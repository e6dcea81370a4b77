import Foundation
import Speculate

/// One prompt of a measurement.
struct BenchPrompt: Decodable {
    let id: String?
    let prompt: String
    let category: String?
    let raw: Bool?

    /// Whether it is gone on from as it stands.
    var isRaw: Bool { raw ?? (category == "continuation") }

    var request: CompletionRequest.Prompt {
        isRaw ? .text(prompt) : .chat(.opening(system: nil) + [ChatMessage(role: "user", content: prompt)])
    }

    /// - Throws: `EngineError` naming the file, or its line that is not such an object.
    static func read(_ path: String) throws(EngineError) -> [BenchPrompt] {
        let prompts = try JSONLines.read(path, as: BenchPrompt.self)
        guard !prompts.isEmpty else { throw EngineError(.invalidRequest, "\(path): has no prompts") }
        return prompts
    }

    /// A mix of what people ask of a small model.
    static let builtIn: [BenchPrompt] = [
        ("chat", "What should I pack for a weekend of hiking in the mountains?"),
        ("chat", "Explain to a ten-year-old why the sky is blue."),
        ("chat", "My neighbour's dog barks all night. How do I bring it up politely?"),
        ("chat", "What are the main differences between a crocodile and an alligator?"),
        ("code", "Write a Python function that checks whether a string is a palindrome."),
        ("code", "Write a JavaScript function that removes duplicates from an array."),
        ("code", "Write a C function that reverses a linked list."),
        ("code", "Write an SQL query that lists the five customers with the most orders."),
        ("math", "A train travels 180 km in 2.5 hours. What is its average speed? Explain step by step."),
        ("math", "Solve 3x + 7 = 22 for x and explain each step."),
        ("math", "A shirt costs 40 dollars and is sold at 15% off. What is the new price?"),
        ("math", "What is the area of a triangle with sides 3, 4 and 5? Show your work."),
        (
            "summary",
            """
            Summarize in two sentences: The Great Barrier Reef, off the coast of Queensland, Australia, is the world's \
            largest coral reef system. It is made of over 2,900 individual reefs and 900 islands and stretches for over \
            2,300 kilometres. A large part of it is protected by a marine park, which helps to limit the impact of human \
            use, such as fishing and tourism. Warming seas have bleached much of its coral.
            """
        ),
        (
            "summary",
            """
            Give the main points as a list: The printing press with movable type was brought into use in Europe by \
            Johannes Gutenberg around 1440. It made books far cheaper and faster to produce than copying by hand. Within \
            fifty years, presses worked in over two hundred cities and had printed millions of volumes. Ideas spread \
            faster, literacy rose, and scholars could rely on identical copies of a text.
            """
        ),
        (
            "summary",
            """
            What is this text about? Honey bees tell each other where flowers are by a dance. A bee that has found food \
            runs in a figure of eight on the comb. The angle of the middle part against the vertical gives the direction \
            to the sun, and the time that the run takes gives the distance.
            """
        ),
        (
            "continuation",
            "Once upon a time, in a village at the edge of a dark forest, there lived an old clockmaker who"
        ),
        ("continuation", "The three most important things to know about growing tomatoes are"),
        ("continuation", "In the beginning of the twentieth century, physics was changed by"),
        ("continuation", "Dear Sir or Madam,\n\nI am writing to apply for the position of"),
        (
            "copying",
            """
            Repeat this text word for word, and then stop: The harbour was quiet that morning. Two fishing boats lay at \
            the pier, their nets spread out to dry, and a cat slept on a coil of rope. Nobody had yet heard the news that \
            the ferry brought.
            """
        ),
        (
            "copying",
            """
            Rename the function add to sum_of and print the whole file again:

            def add(a, b):
                \"""Adds two numbers.\"""
                return a + b

            def main():
                for i in range(10):
                    print(i, add(i, i + 1))

            if __name__ == "__main__":
                main()
            """
        ),
        (
            "copying",
            """
            Correct the spelling and print the whole text again: The libary is open from Monday to Friday. On Saturdays \
            it opens at ten oclock and closes at two. Childrens books are on the first flor, newspapers and magazines on \
            the second. Plese return books in time, so that others can borow them.
            """
        ),
    ].map { BenchPrompt(id: nil, prompt: $1, category: $0, raw: nil) }
}
