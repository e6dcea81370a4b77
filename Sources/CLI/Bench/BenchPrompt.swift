import Foundation
import Speculate

/// One prompt of a benchmark.
struct BenchPrompt: Decodable {
    let id: String?
    let prompt: String
    let category: String?
    let raw: Bool?

    /// Whether to continue it as is.
    var isRaw: Bool { raw ?? (category == "continuation") }

    var request: CompletionRequest.Prompt {
        isRaw ? .text(prompt) : .chat(.opening(system: nil) + [ChatMessage(role: .user, content: prompt)])
    }

    /// - Throws: `EngineError` naming the file, or the line that is not such an object.
    static func read(_ path: String) throws(EngineError) -> [BenchPrompt] {
        let prompts = try JSONLines.read(path, as: BenchPrompt.self)
        guard !prompts.isEmpty else { throw EngineError(.invalidRequest, "\(path): has no prompts") }
        return prompts
    }

    /// A mix of what people ask a small model. *Copying* are prompts for which at least half the tokens of the greedy
    /// answer are part of a run of four that also occurs in the prompt.
    static let builtIn =
        turns.map { BenchPrompt(id: nil, prompt: $1, category: $0, raw: false) }
        + openings.map { BenchPrompt(id: nil, prompt: $1, category: $0, raw: true) }

    /// Category and text of each user turn.
    private static let turns = [
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
            Correct the spelling and print the whole text again: The libary is open from Monday to Friday. On Saturdays \
            it opens at ten oclock and closes at two. Childrens books are on the first flor, newspapers and magazines on \
            the second. Plese return books in time, so that others can borow them.
            """
        ),
        (
            "copying",
            """
            Which sentences of this text say when the museum is open? Quote them. The museum of clocks was founded \
            in 1904. It is open from nine to five on weekdays and from ten to four on Sundays. On Mondays it is \
            closed. Children under twelve pay nothing. The oldest clock in the collection was made in Augsburg in \
            1562.
            """
        ),
    ]

    /// Category and text of each prompt to continue as is.
    private static let openings = [
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
            Before:

            ```javascript
            function total(items) {
              let sum = 0;
              for (const item of items) {
                sum += item.price * item.count;
              }
              return sum;
            }

            console.log(total([{ price: 3, count: 2 }, { price: 5, count: 1 }]));
            ```

            After renaming the variable sum to amount:

            ```javascript

            """
        ),
        (
            "copying",
            """
            The file before the change:

            ```python
            class Counter:
                \"""Counts words.\"""

                def __init__(self):
                    self.counts = {}

                def add(self, word):
                    self.counts[word] = self.counts.get(word, 0) + 1

                def most_common(self, n):
                    return sorted(self.counts.items(), key=lambda item: -item[1])[:n]
            ```

            The file after the change, which adds a method total that returns the sum of all counts:

            ```python

            """
        ),
        (
            "copying",
            """
            Here is an email with a mistake in the date:

            Dear Ms. Lorenz,
            thank you for your order of three oak tables. We will deliver them on Monday, 12 May, between eight and \
            twelve o'clock. Please make sure that somebody is at home.
            Kind regards,
            Paul Brandt

            Here is the same email with the date changed to Friday, 16 May:


            """
        ),
    ]
}
