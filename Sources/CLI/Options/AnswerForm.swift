import ArgumentParser

/// How to read a prompt and print its answer.
struct AnswerForm: ParsableArguments {
    @Flag(name: [.short, .long], help: "Answer the prompt as a user's turn, in the model's chat format.")
    var instruct = false

    @Flag(help: "Print one JSON object with text and statistics in place of streaming.")
    var json = false
}
