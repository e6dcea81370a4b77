import CKernels
import SpeculateShared

extension HeadNetwork {
    /// Logits → losses, acceptances, and in the logits' place the gradient of the weighted losses by them.
    func differentiate(_ batch: HeadBatch, _ mix: Mix) {
        let (s, width) = (scratch, HeadBatch.width)
        pool.run { worker in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: vocabulary / Int(Sampler.sumWidth) + 1) { sums in
                for row in worker.share(of: batch.rows) {
                    findLikeliest(row, after: batch.previous[row])
                    let logits = s.logits + row * vocabulary
                    let places = row * width..<(row + 1) * width
                    let weight = batch.weights[row]
                    var slopes = [Float](repeating: 0, count: candidateCount)
                    for (place, slope) in slopes.indices.map({ ($0, unarySlope(row, $0)) }) { slopes[place] = slope }
                    (s.losses[row], s.acceptances[row]) = distance(
                        logits, vocabulary, batch.tokens[places], batch.probabilities[places], mix, weight,
                        sums.baseAddress!)
                    if parameters.selector != nil { differentiateScores(row, batch, mix, slopes, sums.baseAddress!) }
                }
            }
        }
    }

    /// The loss between p, which may sum to less than 1, and q = softmax(logits), and Σ min(p, q). The logits become the
    /// gradient times `weight`.
    /// - Parameters:
    ///   - tokens: where p is not 0, the likeliest first; −1 after the last.
    ///   - sums: scratch, a float per `Sampler.sumWidth` logits.
    func distance(
        _ logits: UnsafeMutablePointer<Float>, _ count: Int, _ tokens: ArraySlice<Int32>,
        _ probabilities: ArraySlice<Float>, _ mix: Mix, _ weight: Float, _ sums: UnsafeMutablePointer<Float>
    ) -> (loss: Float, acceptance: Float) {
        let greatest = logits[Int(kernels.argmax(logits, Int32(count)))]
        let places = zip(tokens, probabilities).prefix { $0.0 >= 0 }.map { (index: Int($0.0), p: $0.1) }
        let own = places.map { logits[$0.index] }
        kernels.exponentials(logits, Int32(count), greatest, 1, logits, sums)
        var total = 0.0
        for block in 0..<(count + Sampler.sumWidth - 1) / Sampler.sumWidth { total += Double(sums[block]) }
        let logTotal = greatest + Float(log(total))
        var (loss, acceptance, mass, kept): (Float, Float, Float, Float) = (0, 0, 0, 0)
        for (place, logit) in zip(places, own) {
            let q = exp(logit - logTotal)
            mass += place.p
            acceptance += min(place.p, q)
            if q < place.p { kept += q }
            if place.p > 0 { loss += mix.kl * place.p * (log(place.p) - (logit - logTotal)) }
        }
        let safe = max(acceptance, 1e-4)
        loss -= mix.acceptance * log(safe)
        if let logit = own.first { loss -= mix.likeliest * (logit - logTotal) }
        let pull = mix.acceptance / safe
        let likeliest = places.isEmpty ? 0 : mix.likeliest
        // q · (…) everywhere, and what the verifier's own tokens are drawn with.
        let factor = weight * (mix.kl * mass + likeliest + pull * kept) / Float(total)
        for index in 0..<count { logits[index] *= factor }
        for (rank, (place, logit)) in zip(places, own).enumerated() {
            let q = exp(logit - logTotal)
            let drawn = mix.kl * place.p + (rank == 0 ? likeliest : 0) + (q < place.p ? pull * q : 0)
            logits[place.index] -= weight * drawn
        }
        return (loss, acceptance)
    }
}
