import Foundation
import SpeculateAdaptation
import SpeculateImport
import SpeculateShared
import TestSupport
import Testing

/// The trained part of a drafter, with its gradients written down, against PyTorch's autograd in float64.
@Suite struct GradientTests {
    private struct Golden: Decodable {
        struct Case: Decodable {
            var name: String
            var gelu: Bool
            /// In units of 1 / unit, as are inputs, row weights and probabilities.
            var weights: [String: [Int]]
            var gradients: [String: [Double]]
            var inputs: [Int]
            var draftTokens: [Int32]
            var previous: [Int32]
            var rowWeights: [Int]
            var tokens: [Int32]
            var probabilities: [Int]
            var loss: Double
            var acceptance: Double
            var likeliest: [Int32]
        }

        var hidden, wide, drafted, vocabulary, rank, kept, candidates, pairs, unit: Int
        var epsilon, logitScale, softcap: Float
        var cases: [Case]
        var floats: [Float]
        var q4_0: [UInt8]
    }

    private let golden: Golden

    init() throws {
        golden = try JSONDecoder().decode(Golden.self, from: Data(Fixtures.bytes("adaptation.json")))
    }

    private func parameters(_ values: Golden.Case) -> HeadParameters {
        let g = golden
        func parameter(_ name: String, _ rows: Int, _ columns: Int, isTable: Bool = false) -> Parameter {
            Parameter(
                name, .f32, rows: rows, columns: columns,
                values: values.weights[name]!.map { Float($0) / Float(g.unit) },
                isTable: isTable)
        }
        func has(_ name: String) -> Bool { values.weights[name] != nil }
        return HeadParameters(
            feedForward: has("gate")
                ? HeadParameters.FeedForward(
                    norm: parameter("ffn_norm", 1, g.hidden), gate: parameter("gate", g.wide, g.hidden),
                    up: parameter("up", g.wide, g.hidden), down: parameter("down", g.hidden, g.wide)) : nil,
            norm: parameter("norm", 1, g.hidden), output: parameter("output", g.drafted, g.hidden),
            markov: has("markov_w1")
                ? HeadParameters.Markov(
                    embedding: parameter("markov_w1", g.vocabulary, g.rank, isTable: true),
                    output: parameter("markov_w2", g.drafted, g.rank)) : nil,
            selector: has("predecessor")
                ? HeadParameters.Selector(
                    predecessor: parameter("predecessor", g.vocabulary, g.pairs, isTable: true),
                    successor: parameter("successor", g.vocabulary, g.pairs, isTable: true),
                    gate: parameter("pair_gate", g.pairs, g.hidden), count: g.candidates, logitScale: g.logitScale,
                    softcap: g.softcap) : nil,
            epsilon: g.epsilon, isGelu: values.gelu)
    }

    private func batch(_ values: Golden.Case) -> HeadBatch {
        var batch = HeadBatch()
        let (g, unit) = (golden, Float(golden.unit))
        for row in values.previous.indices {
            let places = row * g.kept..<(row + 1) * g.kept
            var distributions = TargetDistributions()
            distributions.append(
                places.filter { values.tokens[$0] >= 0 }.map {
                    (values.tokens[$0], Float(values.probabilities[$0]) / unit)
                })
            batch.append(
                values.inputs[row * g.hidden..<(row + 1) * g.hidden].map { Float($0) / unit },
                after: values.previous[row], distributions[0], weight: Float(values.rowWeights[row]) / unit)
        }
        return batch
    }

    private func network(_ values: Golden.Case, threads: Int = 2) throws -> HeadNetwork {
        HeadNetwork(
            parameters(values), draftTokens: values.draftTokens, rows: 8, kernels: try Kernels(),
            pool: WorkerPool(count: threads))
    }

    @Test(
        "losses, acceptances, likeliest tokens and every gradient are PyTorch's, with a Markov head, a selector or neither"
    )
    func gradients() throws {
        #expect(golden.cases.count == 4)
        for values in golden.cases {
            let network = try network(values)
            let batch = batch(values)
            #expect(network.likeliest(batch) == values.likeliest, "\(values.name)")
            let (loss, acceptance) = network.accumulate(batch, .standard)
            // Twenty roundings of 32-bit floats.
            #expect(abs(loss - values.loss) < 2e-6 * abs(values.loss), "\(values.name): \(loss), \(values.loss)")
            #expect(abs(acceptance - values.acceptance) < 1e-5 * values.acceptance, "\(values.name)")
            let trained = network.parameters.trained
            #expect(trained.count == values.gradients.count)
            for parameter in trained {
                let expected = try #require(values.gradients[parameter.name])
                let greatest = expected.map(abs).max()!
                #expect(greatest > 1e-3)
                let worst = zip(parameter.gradients, expected).map { abs(Double($0) - $1) }.max()!
                // Sums of about a hundred products in 32-bit floats.
                #expect(worst < 1e-5 * greatest, "\(values.name), \(parameter.name): \(worst / greatest)")
            }
        }
    }

    @Test("without the rest, the Markov head or the selector has the same gradients, and nothing else takes a step")
    func pairsAlone() throws {
        for values in golden.cases {
            var parts = parameters(values)
            parts.trainsBody = false
            parts.trainsOutput = false
            let network = HeadNetwork(
                parts, draftTokens: values.draftTokens, rows: 8, kernels: try Kernels(), pool: WorkerPool(count: 2))
            _ = network.accumulate(batch(values), .standard)
            let names: Set<String> = ["markov_w1", "markov_w2", "predecessor", "successor", "pair_gate"]
            #expect(Set(parts.trained.map(\.name)) == names.intersection(values.weights.keys))
            for parameter in parts.trained {
                let expected = try #require(values.gradients[parameter.name])
                let greatest = expected.map(abs).max()!
                let worst = zip(parameter.gradients, expected).map { abs(Double($0) - $1) }.max()!
                #expect(worst < 1e-5 * greatest, "\(values.name), \(parameter.name): \(worst / greatest)")
            }
            #expect(parts.output.gradients.allSatisfy { $0 == 0 } && parts.norm.gradients.allSatisfy { $0 == 0 })
        }
    }

    @Test("gradients add up over batches, whatever the threads, and a step down the gradient lowers the loss")
    func steps() throws {
        for values in golden.cases {
            let once = try network(values)
            let twice = try network(values, threads: 1)
            let batch = batch(values)
            let first = once.accumulate(batch, .standard)
            for _ in 0..<2 { _ = twice.accumulate(batch, .standard) }
            for (a, b) in zip(once.parameters.trained, twice.parameters.trained) {
                let greatest = a.gradients.map(abs).max()!
                #expect(zip(a.gradients, b.gradients).allSatisfy { abs(2 * $0 - $1) < 1e-5 * greatest }, "\(a.name)")
            }
            let trainer = try network(values)
            var loss = first.loss
            for number in 1...5 {
                _ = trainer.accumulate(batch, .standard)
                #expect(trainer.step(number: number, rate: 1e-3, rows: 1))
                loss = trainer.accumulate(batch, .standard).loss
                for parameter in trainer.parameters.trained { parameter.forgetGradients() }
            }
            #expect(loss < first.loss - 0.01, "\(values.name): \(first.loss) to \(loss)")
        }
    }

    @Test("a table's rows that were not used keep their bytes, and what is computed with is what the bytes hold")
    func rounding() throws {
        func parameter(_ name: String, _ type: TensorType, _ rows: Int, isTable: Bool = false) -> Parameter {
            let values = (0..<rows * 32).map { Float(sin(Double($0))) }
            return Parameter(name, type, rows: rows, columns: 32, values: values, isTable: isTable)
        }
        let parameters = HeadParameters(
            feedForward: nil, norm: parameter("norm", .f32, 1), output: parameter("output", .q4_1, 64),
            markov: HeadParameters.Markov(
                embedding: parameter("w1", .q4_0, 70, isTable: true), output: parameter("w2", .q4_K, 64)),
            selector: nil, epsilon: 1e-5)
        #expect(parameters.trained.map(\.type) == [.f32, .q8_0, .q4_0, .q8_0])
        let network = HeadNetwork(
            parameters, draftTokens: Array(0..<64), rows: 8, kernels: try Kernels(), pool: WorkerPool(count: 2))
        var batch = HeadBatch()
        var distributions = TargetDistributions()
        distributions.append([(7, 0.9)])
        for token: Int32 in [3, 69] {
            batch.append((0..<32).map { Float($0 % 5) }, after: token, distributions[0], weight: 1)
        }
        let before = parameters.trained.map(\.bytes)
        _ = network.accumulate(batch, .standard)
        #expect(network.step(number: 1, rate: 0.3, rows: 1))
        for (parameter, old) in zip(parameters.trained, before) {
            let rowBytes = parameter.bytes.count / parameter.rows
            let changed = (0..<parameter.rows).filter { row in
                let range = row * rowBytes..<(row + 1) * rowBytes
                return parameter.bytes[range] != old[range]
            }
            #expect(parameter.isTable ? changed == [3, 69] : changed.count == parameter.rows, "\(parameter.name)")
            guard parameter.isTable == false else { continue }
            var values = [Float](repeating: 0, count: parameter.count)
            parameter.bytes.withUnsafeBytes { bytes in
                values.withUnsafeMutableBufferPointer {
                    dequantize(bytes, type: parameter.type, inputs: 32, into: $0)
                }
            }
            #expect(values == Array(UnsafeBufferPointer(start: parameter.rounded, count: parameter.count)))
            #expect(parameter.gradients.allSatisfy { $0 == 0 })
        }
    }

    @Test("Q4_0 is written as the gguf library writes it")
    func format() throws {
        var bytes = [UInt8](repeating: 0, count: golden.q4_0.count)
        let fits = bytes.withUnsafeMutableBytes { bytes in
            golden.floats.withUnsafeBufferPointer {
                WeightEncoder.encode($0.baseAddress!, $0.count, as: .q4_0, to: bytes.baseAddress!)
            }
        }
        #expect(fits && bytes == golden.q4_0)
    }
}
