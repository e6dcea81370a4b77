import SpeculateDrafter
import SpeculateShared

// What the interface of this module is made of and other modules define.

public typealias ChatFormat = SpeculateShared.ChatFormat
public typealias ChatMessage = SpeculateShared.ChatMessage
public typealias ChatValue = SpeculateShared.ChatValue
public typealias DiffusionKind = SpeculateDrafter.DiffusionKind
public typealias DiffusionSampler = SpeculateDrafter.DiffusionSampler
public typealias KVCacheFormat = SpeculateShared.KVCacheFormat
public typealias SamplingDefaults = SpeculateShared.SamplingDefaults
public typealias SamplingOptions = SpeculateShared.SamplingOptions

// For drafters and acceptance rules that are written elsewhere.

public typealias Drafter = SpeculateDrafter.Drafter
public typealias HiddenStates = SpeculateShared.HiddenStates
public typealias NonFiniteLogits = SpeculateShared.NonFiniteLogits
public typealias PassLoad = SpeculateDrafter.PassLoad
public typealias PassResult = SpeculateShared.PassResult
public typealias Proposal = SpeculateDrafter.Proposal
public typealias RevealOrder = SpeculateDrafter.RevealOrder
public typealias RoundTimes = SpeculateDrafter.RoundTimes
