/// A text that the drafter is to write by diffusion alone, block after block: the verifier reads each finished block,
/// on which the next one is conditional, and corrects nothing.
public struct DiffusionRequest: Sendable {
    /// The most passes over a block.
    public static let maximumSteps = 1024

    public var prompt: CompletionRequest.Prompt
    /// The most tokens of the text; more than there is room for fills the context.
    public var maximumTokens: Int
    /// Passes over each block.
    public var steps: Int
    /// Which tokens the absorbing process reveals first, how many after each pass, and whether it may mask some again
    /// in favour of surer ones (Mask-Predict), which only the order of confidence does; nil for `.confidence` and
    /// `.linear`. Only for a drafter of that process.
    public var order: RevealOrder?
    public var reveals: RevealSchedule?
    public var masksAgain: Bool
    /// The step between two passes; nil for the process's usual one: by `order` and `reveals` where it is absorbing,
    /// DDIM's where it is Gaussian and the temperature 0, else the ancestral.
    public var sampler: DiffusionSampler?
    /// 0 takes the likeliest tokens; nil for `DiffusionKind.temperature(by:)`.
    public var temperature: Float?
    /// Of everything that is drawn.
    public var seed: UInt64
    /// Variables for the chat template.
    public var templateVariables: [String: ChatValue] = [:]
    /// Whom the request counts for.
    public var client: String?

    public init(
        _ prompt: CompletionRequest.Prompt, maximumTokens: Int = 128, steps: Int = 8, order: RevealOrder? = nil,
        reveals: RevealSchedule? = nil, masksAgain: Bool = false, sampler: DiffusionSampler? = nil,
        temperature: Float? = nil, seed: UInt64 = 0
    ) {
        self.prompt = prompt
        self.maximumTokens = maximumTokens
        self.steps = steps
        self.order = order
        self.reveals = reveals
        self.masksAgain = masksAgain
        self.sampler = sampler
        self.temperature = temperature
        self.seed = seed
    }

    /// Describes the first setting that is out of range or that a process does not have, starting with its name; nil if
    /// there is none.
    public func problem(for process: DiffusionKind? = nil) -> String? {
        if !(1...Self.maximumSteps).contains(steps) { return "steps is \(steps), expected 1 to \(Self.maximumSteps)" }
        if maximumTokens < 1 { return "max_tokens is \(maximumTokens), expected 1 or more" }
        if let temperature, let problem = SamplingOptions(temperature: temperature).problem() { return problem }
        if masksAgain, let order, order != .confidence {
            return
                "remask is on, expected off where order is \(order.rawValue): only confidence finds others surer than a token"
        }
        guard let process else { return nil }
        if let sampler, !process.samplers.contains(sampler) {
            let known = process.samplers.map { "'\($0.rawValue)'" }.joined(separator: " or ")
            return
                "sampler is \(sampler.rawValue), expected \(known) where the drafter's process is '\(process.rawValue)'"
        }
        guard process != .absorbing || sampler != nil else { return nil }
        let reason =
            process == .absorbing
            ? "where sampler is ancestral, which reveals each token by itself"
            : "where the drafter's process is '\(process.rawValue)', which reveals no tokens by count"
        if let order { return "order is \(order.rawValue), expected none \(reason)" }
        if let reveals { return "schedule is \(reveals.rawValue), expected none \(reason)" }
        return masksAgain ? "remask is on, expected off \(reason)" : nil
    }
}
