import SpeculateDrafter

/// Proposes what its script returns for the committed tokens.
final class ScriptedDrafter: Drafter {
    private let script: (_ committed: [Int32], _ maximum: Int) -> [Int32]
    private var committed: [Int32] = []

    init(_ script: @escaping (_ committed: [Int32], _ maximum: Int) -> [Int32]) { self.script = script }

    func begin(_ prompt: [Int32]) { committed = prompt }
    func commit(_ tokens: ArraySlice<Int32>) { committed += tokens }

    func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        proposal.removeAll()
        for token in script(committed, maximum) { proposal.append(token) }
    }
}
