/// What one pass over some rows computes, and the gradients by it.
final class HeadScratch {
    let rows: Int
    let inputs, normed, mixed, final: UnsafeMutablePointer<Float>  // [rows, hidden]
    let gate, up, gated: UnsafeMutablePointer<Float>  // [rows, feedForward]
    let logits: UnsafeMutablePointer<Float>  // [rows, draft vocabulary], then the gradient by them
    let previous: UnsafeMutablePointer<Float>  // [rows, rank]
    let gates, byGates: UnsafeMutablePointer<Float>  // [rows, selector's rank]
    let byHidden, byMixed: UnsafeMutablePointer<Float>  // [rows, hidden]
    let byGated: UnsafeMutablePointer<Float>  // [rows, feedForward]
    let byPrevious: UnsafeMutablePointer<Float>  // [rows, rank]
    let candidates: UnsafeMutablePointer<Int32>  // [rows, candidates] indices of draft tokens, the likeliest first
    let scores: UnsafeMutablePointer<Float>  // [rows, candidates], then the gradient by them
    let losses, acceptances: UnsafeMutablePointer<Float>  // [rows]
    let likeliest: UnsafeMutablePointer<Int32>  // [rows] indices of draft tokens
    private let floats: UnsafeMutablePointer<Float>
    private let integers: UnsafeMutablePointer<Int32>

    init(_ p: HeadParameters, rows: Int) {
        self.rows = rows
        let hidden = p.norm.count
        let wide = p.feedForward?.gate.rows ?? 0
        let rank = p.markov?.output.columns ?? 0
        let (pairs, candidates) = (p.selector?.gate.rows ?? 0, p.selector?.count ?? 0)
        let widths =
            Array(repeating: hidden, count: 6) + Array(repeating: wide, count: 4) + [p.output.rows]
            + [rank, rank, pairs, pairs, candidates, 1, 1]
        floats = .allocate(capacity: rows * widths.reduce(0, +))
        integers = .allocate(capacity: rows * (candidates + 1))
        var next = floats
        let parts = widths.map { width in
            defer { next += rows * width }
            return next
        }
        (inputs, normed, mixed, final, byHidden, byMixed) = (parts[0], parts[1], parts[2], parts[3], parts[4], parts[5])
        (gate, up, gated, byGated, logits) = (parts[6], parts[7], parts[8], parts[9], parts[10])
        (previous, byPrevious, gates, byGates) = (parts[11], parts[12], parts[13], parts[14])
        (scores, losses, acceptances) = (parts[15], parts[16], parts[17])
        self.candidates = integers
        likeliest = integers + rows * candidates
    }

    deinit {
        floats.deallocate()
        integers.deallocate()
    }
}
