import CKernels

/// Scratch of a mixture of experts: where the rows of a pass go, and what is computed of them, grouped by expert.
struct ExpertScratch: BitwiseCopyable {
    /// The rows that go to one expert. They lie at `first`, a multiple of `SPK_ROW_BLOCK`, and after it.
    struct Group: BitwiseCopyable {
        var expert, first, count: Int
        /// Tiles of at most `TransformerScratch.tileRows` rows in the groups before it.
        var tilesBefore: Int
    }

    struct Totals: BitwiseCopyable { var groups, tiles: Int }

    let experts: Int
    /// Experts of a row.
    let used: Int
    /// Floats of one row of scores: whole panels.
    let scoreStride: Int
    let scores: UnsafeMutablePointer<Float>  // [rows, scoreStride]
    let sums: UnsafeMutablePointer<Float>  // [rows, one for 256 scores]
    let sumCount: Int
    let chosen: UnsafeMutablePointer<Int32>  // [rows, used] experts, the most probable first
    let weights: UnsafeMutablePointer<Float>  // [rows, used]
    let places: UnsafeMutablePointer<Int>  // [rows, used] where each row lies among those of each of its experts
    let groups: UnsafeMutablePointer<Group>  // [experts]
    let totals: UnsafeMutablePointer<Totals>
    private let next: UnsafeMutablePointer<Int>  // [experts]
    let input: spk_activations  // [places, hidden]
    let output: UnsafeMutablePointer<Float>  // [places, hidden]

    init(_ routing: ExpertRouting, hidden: Int, readers: UInt64, rows: Int, in arena: Arena) {
        (experts, used) = (routing.count, routing.used)
        scoreStride = (experts + Int(SPK_LANES) - 1) / Int(SPK_LANES) * Int(SPK_LANES)
        sumCount = (experts + 255) / 256
        let capacity = Self.places(routing, rows: rows)
        scores = arena.allocate(count: rows * scoreStride)
        sums = arena.allocate(count: rows * sumCount)
        chosen = arena.allocate(count: rows * used)
        weights = arena.allocate(count: rows * used)
        places = arena.allocate(count: rows * used)
        groups = arena.allocate(count: experts)
        totals = arena.allocate(count: 1)
        next = arena.allocate(count: experts)
        input = arena.activations(rows: capacity, inputs: hidden, readers: readers)
        output = arena.allocate(count: capacity * hidden)
    }

    /// The most places of a pass: every group may leave some free before the next one.
    static func places(_ routing: ExpertRouting, rows: Int) -> Int {
        rows * routing.used + min(rows * routing.used, routing.count) * (Int(SPK_ROW_BLOCK) - 1)
    }

    /// Chooses a row's experts by its scores, which become their probabilities: the greatest, the lowest expert among
    /// equals. A score that is no finite number leaves weights that are none.
    func choose(_ row: Int, _ kernels: spk_kernels) {
        let (scores, chosen, weights) = (scores + row * scoreStride, chosen + row * used, weights + row * used)
        for index in 0..<experts where !scores[index].isFinite {
            for rank in 0..<used { (chosen[rank], weights[rank]) = (Int32(rank), .nan) }
            return
        }
        let sums = sums + row * sumCount
        let greatest = scores[Int(kernels.argmax(scores, Int32(experts)))]
        kernels.exponentials(scores, Int32(experts), greatest, 1, scores, sums)
        var total = Float(0)
        for index in 0..<sumCount { total += sums[index] }
        for index in 0..<experts { scores[index] /= total }
        var chosenTotal = Float(0)
        for rank in 0..<used {
            var best = 0
            for index in 1..<max(experts, 1) where scores[index] > scores[best] { best = index }
            (chosen[rank], weights[rank]) = (Int32(best), scores[best])
            chosenTotal += scores[best]
            scores[best] = -1  // Below every probability.
        }
        let divisor = max(chosenTotal, ExpertRouting.leastTotal)
        for rank in 0..<used { weights[rank] /= divisor }
    }

    /// Gives the rows their places: by expert, then by row.
    func group(rows: Int) {
        next.update(repeating: 0, count: experts)
        for visit in 0..<rows * used { next[Int(chosen[visit])] += 1 }
        var (group, first, tiles) = (0, 0, 0)
        for expert in 0..<experts where next[expert] > 0 {
            let count = next[expert]
            groups[group] = Group(expert: expert, first: first, count: count, tilesBefore: tiles)
            next[expert] = first
            group += 1
            first += (count + Int(SPK_ROW_BLOCK) - 1) / Int(SPK_ROW_BLOCK) * Int(SPK_ROW_BLOCK)
            tiles += Self.tiles(count)
        }
        totals.pointee = Totals(groups: group, tiles: tiles)
        for visit in 0..<rows * used {
            let expert = Int(chosen[visit])
            places[visit] = next[expert]
            next[expert] += 1
        }
    }

    static func tiles(_ rows: Int) -> Int { (rows - 1) / TransformerScratch.tileRows + 1 }

    /// The group that a tile's columns belong to, counted through all groups: all tiles of one column of a group come one
    /// after the other.
    func group(ofPart part: Int, columns: Int) -> Group {
        var (low, high) = (0, totals.pointee.groups)
        while high - low > 1 {
            let middle = (low + high) / 2
            if groups[middle].tilesBefore * columns <= part { low = middle } else { high = middle }
        }
        return groups[low]
    }
}
