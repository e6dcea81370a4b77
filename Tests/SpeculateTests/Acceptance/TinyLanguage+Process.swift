import SpeculateShared

@testable import SpeculateDrafter

/// Drafts by diffusion processes: their own code, with a network whose word is a function of the block's states, and every
/// random number a choice.
extension TinyLanguage {
    private static let embedding: [Float] = [-1, 0.25, 1]

    private static func process(_ kind: DiffusionKind) -> any DiffusionProcess {
        switch kind {
        case .absorbing: AbsorbingProcess(schedule: .linear)
        case .uniform: UniformProcess(vocabulary: size, schedule: .linear)
        case .tokenDistance:
            TokenDistanceProcess(NeighbourRates([1, 0, 0, 2, 1, 2], count: size), schedule: .geometric)
        case .scoreAbsorbing: ScoreAbsorbingProcess(schedule: .cosine)
        case .scoreUniform: ScoreUniformProcess(vocabulary: size, schedule: .logLinear)
        case .gaussian: GaussianProcess(width: 1, embedding: embedding, schedule: .linear)
        }
    }

    private static func row(
        _ index: Int, of memory: UnsafeMutableBufferPointer<Float>
    ) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(rebasing: memory[index * size..<(index + 1) * size])
    }

    private struct Guesses: BlockGuesses {
        let language: TinyLanguage
        let context: [Int32]
        /// [block, vocabulary]
        let memory: UnsafeMutableBufferPointer<Float>

        func probabilities(of index: Int) -> UnsafeMutableBufferPointer<Float> {
            let own = TinyLanguage.row(index, of: memory)
            for (choice, probability) in language.draftDistribution(60 + index, context).enumerated() {
                own[choice] = Float(probability)
            }
            return own
        }

        func logMass(of index: Int) -> Double { 0.3 - 0.2 * Double(index) }
        func token(_ choice: Int) -> Int32 { Int32(choice) }
    }

    private struct Chances: StateDraws {
        let chance: ([Double]) -> Int

        func choose(_ weights: UnsafeBufferPointer<Float>, token: Int, pass: Int) -> Int {
            let total = weights.reduce(0.0) { $0 + Double($1) }
            return chance(weights.map { Double($0) / total })
        }

        /// Two of them: exactness does not depend on what the states are drawn from.
        func begin(among count: Int, token: Int) -> Int { chance([0.5, 0, 0.5]) }

        func happens(_ probability: Double, token: Int, pass: Int) -> Bool {
            probability >= 1 || chance([1 - probability, probability]) == 1
        }

        func normal(token: Int, pass: Int, dimension: Int) -> Float { [-0.8, 1.1][chance([0.5, 0.5])] }
    }

    func diffuse(
        _ kind: DiffusionKind, passes: Int, _ prefix: [Int32], depth: Int, chance: @escaping ([Double]) -> Int,
        draw: (_ distribution: [Double], _ index: Int) -> Int32
    ) -> Proposal {
        var draft = Proposal()
        guard depth > 0 else { return draft }
        let process = Self.process(kind)
        let draws = Chances(chance: chance)
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: depth * Self.size)
        defer { memory.deallocate() }
        let block = DraftBlock()
        block.reset(count: depth)
        process.begin(block, draws)
        /// What the network sees.
        func context(_ pass: Int) -> [Int32] {
            let shown = block.tokens.indices.map { block.isRevealed[$0] ? block.tokens[$0] : 9 }
            let points = block.points.map { Int32(bitPattern: $0.bitPattern >> 1) }
            return prefix + [Int32(pass)] + shown + block.states + points
        }
        for pass in 0..<passes - 1 {
            var step = DenoisingStep(
                pass: pass, from: DenoisingStep.time(of: pass, among: passes),
                to: DenoisingStep.time(of: pass + 1, among: passes))
            step.target = pass + 1
            step.order = .confidence
            let guesses = Guesses(language: self, context: context(pass), memory: memory)
            if kind == .absorbing {  // Its passes fill in the likeliest tokens.
                for index in 0..<depth where !block.isRevealed[index] {
                    let likely = guesses.probabilities(of: index)
                    block.tokens[index] = Int32(likely.indices.max { likely[$0] < likely[$1] }!)
                    block.confidences[index] = likely.max()!
                }
            }
            process.step(block, step, guesses, draws)
        }
        let seen = context(passes)
        memory.update(repeating: 0)
        process.finish(
            (0..<depth).map { Self.row($0, of: memory) }, of: block,
            time: DenoisingStep.time(of: passes - 1, among: passes))
        for index in 0..<depth {
            guard !block.isRevealed[index] else {
                draft.append(block.tokens[index])
                continue
            }
            let evidence = Self.row(index, of: memory)
            let weights = draftDistribution(80 + index, seen + draft.tokens.suffix(1)).enumerated().map {
                exp(Float(log($1 + 0x1p-20)) + evidence[$0])
            }
            let total = weights.reduce(0.0) { $0 + Double($1) }
            draft.append(draw(weights.map { Double($0) / total }, index), claim(weights, total: total))
        }
        return draft
    }
}
