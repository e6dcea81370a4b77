import SpeculateDrafter
import SpeculateShared

/// Texts that nothing is learnt from: how many tokens a round brings there, with one token of the verifier's own.
final class HeldOut {
    private let lessons: [Lesson]
    private let drafts: Int
    private var batch = HeadBatch()

    init(_ lessons: [Lesson], drafts: Int) {
        self.lessons = lessons
        self.drafts = drafts
    }

    /// τ with a network's rounded values, by rounds as a completion has them. All lessons advance together.
    func tokensPerRound(_ network: HeadNetwork) -> Double {
        var at = lessons.map(\.anchors.startIndex)
        var (tokens, rounds) = (0, 0)
        while true {
            let open = lessons.indices.filter { at[$0] < lessons[$0].anchors.endIndex }
            if open.isEmpty { return rounds == 0 ? 0 : Double(tokens) / Double(rounds) }
            var first = open.startIndex
            while first < open.endIndex {
                batch.removeAll()
                var ends: [(lesson: Int, rows: Int)] = []
                while first < open.endIndex, batch.rows + drafts <= network.maximumRows {
                    let lesson = open[first]
                    let before = batch.rows
                    lessons[lesson].append(anchor: at[lesson], to: &batch)
                    ends.append((lesson, batch.rows - before))
                    first += 1
                }
                let likeliest = network.likeliest(batch)
                var row = 0
                for (index, rows) in ends {
                    let lesson = lessons[index]
                    let following = lesson.tokens.dropFirst(lesson.anchors[at[index]] + 1)
                    let accepted = zip(likeliest[row..<row + rows], following).prefix { $0 == $1 }.count
                    tokens += min(accepted + 1, following.count)
                    rounds += 1
                    at[index] += accepted + 1
                    row += rows
                }
            }
        }
    }

    /// τ with a drafter as the engine runs it.
    func tokensPerRound(_ model: BlockDiffusionModel) throws(OutOfMemory) -> Double {
        let block = DraftBlock()
        var (tokens, rounds) = (0, 0)
        for lesson in lessons {
            guard let cache = lesson.cache else { continue }
            let work = try model.makeCache(capacity: cache.capacity)
            var place = 0
            while place < lesson.anchors.count {
                let anchor = lesson.anchors[place]
                work.adopt(anchor, of: cache)
                block.reset(count: drafts)
                model.denoise(block, anchor: lesson.tokens[anchor], cache: work)
                let following = lesson.tokens.dropFirst(anchor + 1)
                let accepted = zip(block.tokens, following).prefix { $0 == $1 }.count
                tokens += min(accepted + 1, following.count)
                rounds += 1
                place += accepted + 1
            }
        }
        return rounds == 0 ? 0 : Double(tokens) / Double(rounds)
    }
}
