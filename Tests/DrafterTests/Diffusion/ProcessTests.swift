import SpeculateShared
import TestSupport
import Testing

@testable import SpeculateDrafter

/// Diffusion processes beside their definitions as dense matrices in double precision.
@Suite struct ProcessTests {
    typealias Matrix = [[Double]]
    /// A pass that says this of the tokens.
    struct Given: BlockGuesses {
        let rows: [UnsafeMutableBufferPointer<Float>]

        func probabilities(of index: Int) -> UnsafeMutableBufferPointer<Float> { rows[index] }
        func logMass(of index: Int) -> Double { 0 }
        func token(_ choice: Int) -> Int32 { Int32(choice) }
    }

    static let times = [(1.0, 0.5), (0.9, 0.3), (0.5, 0.25), (0.2, 0.1)]

    func product(_ a: Matrix, _ b: Matrix) -> Matrix {
        a.map { row in b[0].indices.map { column in row.indices.reduce(0) { $0 + row[$1] * b[$1][column] } } }
    }

    /// e^(level · rates): squarings of a Taylor series.
    func exponential(_ rates: Matrix, _ level: Double) -> Matrix {
        let identity = rates.indices.map { i in rates.indices.map { $0 == i ? 1.0 : 0.0 } }
        let halvings = 20
        let small = rates.map { $0.map { $0 * level / Double(1 << halvings) } }
        var (sum, term) = (identity, identity)
        for n in 1...12 {
            term = product(term, small).map { $0.map { $0 / Double(n) } }
            sum = zip(sum, term).map { zip($0, $1).map(+) }
        }
        for _ in 0..<halvings { sum = product(sum, sum) }
        return sum
    }

    func uniformRates(_ count: Int) -> Matrix {
        (0..<count).map { i in (0..<count).map { 1 / Double(count) - ($0 == i ? 1 : 0) } }
    }

    func neighbourRates(_ lists: [Int32], _ count: Int) -> Matrix {
        let each = lists.count / count
        var rates = Matrix(repeating: Array(repeating: 0.3 / Double(count), count: count), count: count)
        for (place, other) in lists.enumerated() { rates[place / each][Int(other)] += 2.7 / Double(each) }
        for i in 0..<count { rates[i][i] -= 3 }
        return rates
    }

    func normalized(_ weights: some Sequence<Double>) -> [Double] {
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    func weights(
        _ process: some TokenStateProcess, _ probabilities: [Double], _ state: Int, _ from: Double, _ to: Double,
        _ sampler: DiffusionSampler? = nil
    ) -> [Double] {
        var values = probabilities.map { Float($0) }
        values.withUnsafeMutableBufferPointer {
            process.weigh([$0], states: [Int32(state)], by: moving(from, to, sampler))
        }
        return normalized(values.map { Double($0) })
    }

    func moving(_ from: Double, _ to: Double, _ sampler: DiffusionSampler? = nil) -> DenoisingStep {
        var step = DenoisingStep(pass: 0, from: from, to: to)
        step.sampler = sampler
        return step
    }

    /// A finite level in place of an infinite one: nothing is left of it in double precision.
    func sigma(_ schedule: NoiseSchedule, _ time: Double) -> Double { min(schedule.sigma(time), 2000) }

    func check(_ process: some TokenStateProcess, _ rates: Matrix, _ schedule: NoiseSchedule) {
        var random = SplitMix(7)
        for (from, to) in Self.times {
            let (later, earlier) = (sigma(schedule, from), sigma(schedule, to))
            let clean = exponential(rates, earlier)
            let between = exponential(rates, later - earlier)
            for state in rates.indices {
                let p = normalized(random.floats(rates.count, in: 0...1).map { Double($0) })
                let pushed = product([p], clean)[0]
                let expected = normalized(rates.indices.map { between[$0][state] * pushed[$0] })
                for (own, other) in zip(weights(process, p, state, from, to), expected) {
                    #expect(abs(own - other) < 2e-6, "\(schedule), \(from) to \(to)")
                }
                let block = DraftBlock()
                block.reset(count: 1)
                block.states = [Int32(state)]
                var logits = [Float](repeating: 0, count: rates.count)
                logits.withUnsafeMutableBufferPointer { process.finish([$0], of: block, time: to) }
                let said = normalized(logits.map { exp(Double($0)) })
                for (own, other) in zip(said, normalized(clean.map { $0[state] })) {
                    #expect(abs(own - other) < 2e-6, "\(schedule) at \(to)")
                }
            }
        }
    }

    @Test("uniform steps and evidence are the posteriors of the exponentiated rates", arguments: NoiseSchedule.allCases)
    func uniform(_ schedule: NoiseSchedule) {
        check(UniformProcess(vocabulary: 5, schedule: schedule), uniformRates(5), schedule)
    }

    @Test("so are those between neighbours, in a graph of one part or of two", arguments: NoiseSchedule.allCases)
    func tokenDistance(_ schedule: NoiseSchedule) {
        for lists: [Int32] in [[1, 2, 0, 3, 0, 2, 1, 4, 3, 5, 5, 4], [1, 2, 0, 2, 0, 1, 4, 5, 3, 5, 3, 4]] {
            check(
                TokenDistanceProcess(NeighbourRates(lists, count: 6), schedule: schedule), neighbourRates(lists, 6),
                schedule)
        }
    }

    @Test("spreading keeps mass and is e^(level · R), whatever the level")
    func spreading() {
        let lists: [Int32] = [1, 2, 0, 3, 0, 2, 1, 4, 3, 5, 5, 4]
        let rates = NeighbourRates(lists, count: 6)
        for level in [0, 0.01, 1, 30, 900] {
            let exact = exponential(neighbourRates(lists, 6), level)
            // All tokens' vectors, a lane each.
            var vectors = (0..<6).map { token in
                var lanes = NeighbourRates.Lanes.zero
                lanes[token] = 1
                return lanes
            }
            vectors.withUnsafeMutableBufferPointer { rates.spread($0, level: level) }
            for token in 0..<6 {
                for other in 0..<6 { #expect(abs(Double(vectors[other][token]) - exact[token][other]) < 1e-5) }
            }
        }
    }

    @Test("the tokens of a block do not meet, however many they are")
    func apart() {
        let count = 11
        let embedding: [Float] = [1, 1, -1, 1, 1, -1, -1, -1]
        let gaussian = GaussianProcess(width: 2, embedding: embedding, schedule: .linear)
        let neighbours = TokenDistanceProcess(
            NeighbourRates([1, 0, 0, 1, 3, 2, 2, 3], count: 4), schedule: .cosine)
        var random = SplitMix(5)
        let given = (0..<count).map { _ in normalized(random.floats(4, in: 0...1).map { Double($0) }).map { Float($0) }
        }
        let points = random.floats(2 * count, in: -1...1)
        let states = (0..<count).map { Int32($0 % 4) }
        /// Every token's numbers after `change` of some of them, which ones.
        func after(
            _ tokens: Range<Int>, _ change: ([UnsafeMutableBufferPointer<Float>], DraftBlock, Given) -> Void
        ) -> ([[Float]], DraftBlock) {
            let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4 * tokens.count)
            defer { memory.deallocate() }
            _ = memory.initialize(from: given[tokens].flatMap(\.self))
            let rows = (0..<tokens.count).map {
                UnsafeMutableBufferPointer(rebasing: memory[4 * $0..<4 * $0 + 4])
            }
            let block = DraftBlock()
            block.reset(count: tokens.count)
            block.states = Array(states[tokens])
            block.points = Array(points[2 * tokens.lowerBound..<2 * tokens.upperBound])
            change(rows, block, Given(rows: rows))
            return (rows.map(Array.init), block)
        }
        let draws = KeyedStateDraws(random: CounterRandom(seed: 1), position: 0)
        var step = moving(0.9, 0.3)
        step.isDeterministic = true
        let changes: [([UnsafeMutableBufferPointer<Float>], DraftBlock, Given) -> Void] = [
            { rows, block, _ in neighbours.weigh(rows, states: block.states, by: step) },
            { rows, block, _ in neighbours.finish(rows, of: block, time: 0.4) },
            { rows, block, _ in gaussian.finish(rows, of: block, time: 0.4) },
            { _, block, given in gaussian.step(block, step, given, draws) },
        ]
        for change in changes {
            let all = after(0..<count, change)
            for token in 0..<count {
                let one = after(token..<token + 1, change)
                #expect(one.0[0] == all.0[token])
                #expect(one.1.points == Array(all.1.points[2 * token..<2 * token + 2]))
            }
        }
    }

    @Test("every schedule falls from 1 to at most a thousandth", arguments: NoiseSchedule.allCases)
    func schedules(_ schedule: NoiseSchedule) {
        let alphas = (0...50).map { schedule.alpha(Double($0) / 50) }
        #expect(abs(alphas[0] - 1) < 1e-12 && (0...1.0001e-3).contains(alphas[50]))
        #expect(zip(alphas, alphas.dropFirst()).allSatisfy { $0 > $1 })
        for time in [0.01, 0.3, 0.7, 0.99] {
            let slope = (schedule.alpha(time + 1e-5) - schedule.alpha(time - 1e-5)) / 2e-5
            #expect(abs(schedule.slope(time) / slope - 1) < 1e-5)
        }
    }

    @Test("normal draws have mean 0, variance 1 and no relation to each other")
    func normals() {
        let draws = KeyedStateDraws(random: CounterRandom(seed: 3), position: 10)
        let values = (0..<4000).map { index in
            (0..<2).map { Double(draws.normal(token: index, pass: -1, dimension: $0)) }
        }
        for (a, b, expected) in [(0, 0, 1.0), (1, 1, 1), (0, 1, 0)] {
            #expect(abs(values.reduce(0) { $0 + $1[a] * $1[b] } / 4000 - expected) < 0.1)
        }
        for a in 0..<2 { #expect(abs(values.reduce(0) { $0 + $1[a] } / 4000) < 0.07) }
    }
}
