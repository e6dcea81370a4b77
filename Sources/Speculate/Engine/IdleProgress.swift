import SpeculateDrafter

/// What a step of an `IdleLearner` came to.
package enum IdleProgress {
    /// There is nothing to do before something is asked.
    case nothing
    case more
    /// There is more to do, and completions that begin from now on are to be drafted for with another model: the same but for
    /// its Markov head or selector, so that what was computed with the one before stays valid.
    case better(BlockDiffusionModel)
}
