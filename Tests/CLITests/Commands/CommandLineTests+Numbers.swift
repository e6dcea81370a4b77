import Foundation
import Speculate
import SpeculateShared
import TestSupport
import Testing

/// The numbers that flags accept.
extension CommandLineTests {
    @Test("every number of the sampling flags is used, or refused in the library's own words")
    func numbers() throws {
        let numbers = [
            "0", "-0.0", "1e-45", "1e-40", "1e-10", "0.5", "1", "1.00001", "1000", "1000.1", "3e38", "1e39", "inf",
            "-inf",
            "nan", "-1", "-1e-45", "-1000.5",
        ]
        let tiny = Fixtures.path("tiny-qwen3.gguf")
        let fields: [(String, WritableKeyPath<SamplingOptions, Float>)] = [
            ("--temperature", \.temperature), ("--top-p", \.topP), ("--min-p", \.minP),
            ("--repetition-penalty", \.repetitionPenalty), ("--presence-penalty", \.presencePenalty),
            ("--frequency-penalty", \.frequencyPenalty),
        ]
        for (flag, field) in fields {
            for number in numbers {
                let others = flag == "--temperature" ? ["--min-p", "0.1"] : ["--temperature", "0.8"]
                let result = try run(["abc", "-n", "3", "-q", "-m", tiny, "\(flag)=\(number)"] + others)
                var options = SamplingOptions()
                options[keyPath: field] = try #require(Float(number))
                if let problem = options.problem() {
                    let name = flag.dropFirst(2).replacing("-", with: "_")
                    let expected = "speculate: error: \(problem.replacing(name, with: flag))\n"
                    #expect(result.status == 64 && result.log == expected, "\(flag) \(number): \(result.log)")
                } else {
                    #expect(result.status == 0 && result.log.isEmpty, "\(flag) \(number): \(result)")
                }
            }
        }
    }

    @Test("every whole number of the flags is used, or refused in the library's own words")
    func wholeNumbers() throws {
        let tiny = Fixtures.path("tiny-qwen3.gguf")
        func request(_ change: (inout CompletionRequest) -> Void) -> CompletionRequest {
            var request = CompletionRequest(.text("abc"), maximumTokens: 3)
            change(&request)
            return request
        }
        let fields: [(String, (Int) -> String?)] = [
            (
                "-n",
                { n in n > 0 || n == -1 ? nil : "max-tokens is \(n), expected 1 or more, or -1 to fill the context" }
            ),
            ("--top-k", { n in n == -1 ? nil : request { $0.sampling.topK = n }.problem()?.replacing("_", with: "-") }),
            ("--depth", { n in (0...63).contains(n) ? nil : "depth is \(n), expected 0 to 63" }),
            ("--tree", { n in request { $0.speculation = .tree(tokens: n) }.problem() }),
            ("--threads", { EngineConfiguration(threads: $0).problem() }),
        ]
        for (flag, problem) in fields {
            for number in [0, 1, -1, 63, 64, 257, Int(Int32.max), .max, .min] {
                let more = flag == "-n" ? [] : ["-n", "3"]
                let result = try run(
                    ["abc", "-q", "-m", tiny, flag == "-n" ? "--max-tokens=\(number)" : "\(flag)=\(number)"] + more)
                if let problem = problem(number) {
                    #expect(
                        result.status == 64 && result.log == "speculate: error: --\(problem)\n",
                        "\(flag) \(number): \(result)")
                } else {
                    // Exceeding the tiny model's context, or having no drafter, is a different error.
                    #expect(
                        result.status == 0 || result.log.contains("context") || flag == "--tree",
                        "\(flag) \(number): \(result)")
                }
            }
            let result = try run(
                "abc", "-q", "-m", tiny, "\(flag == "-n" ? "--max-tokens" : flag)=99999999999999999999")
            #expect(result.status == 64 && result.log.contains("99999999999999999999"))
        }
    }

    @Test("a negative number after a space reaches the check of its range")
    func negativeNumbers() throws {
        let cases: [([String], String)] = [
            (["x", "--threads", "-1"], "--threads is -1, expected 1 to 256"),
            (["x", "--context", "-1"], "--context is -1, expected 2 to"),
            (["x", "--seed", "-1"], "'-1' is invalid for '--seed <n>': expected a whole number from 0"),
            (["serve", "--temperature", "-0.5"], "--temperature is -0.5, expected 0 to 1000"),
            (["serve", "--top-k", "-2"], "--top-k is -2, expected 0 or more"),
            (["serve", "--port", "-1"], "--port is -1, expected 0 to 65535"),
            (["serve", "-n", "-5"], "--max-tokens is -5, expected 1 or more, or -1"),
            (["bench", "--temperatures", "0.5", "-1"], "temperature is -1, expected 0 to 1000"),
            (["bench", "--settings", "lookup:99"], "--settings lookup:99: depth is 99, expected 1 to 63"),
            (["bench", "--limit", "-1"], "--limit is -1, expected 0 or more"),
            (["batch", "--prompts", "x", "--output", "y", "-n", "-7"], "--max-tokens is -7, expected 1 or more"),
        ]
        for (arguments, words) in cases {
            let result = try run(arguments)
            #expect(result.status == 64 && result.log.contains(words), "\(arguments): \(result)")
        }
    }
}
