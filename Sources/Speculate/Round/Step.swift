import SpeculateDrafter

/// What a completion put into a pass.
package enum Step {
    /// A chunk of the prompt, or of what stood in the cache before a suspension.
    case prefill(rows: Range<Int>, firstLogits: Int?)
    /// One round: the anchor token and a draft after it.
    case round(rows: Range<Int>, firstLogits: Int, draft: Proposal)

    /// Its rows in the batch.
    var rows: Range<Int> {
        switch self {
        case .prefill(let rows, _), .round(let rows, _, _): rows
        }
    }
}
