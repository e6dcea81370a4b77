/// One change to a file: six bytes of a recipe.
struct Edit {
    enum Topic { case metadata, tensors, tokens, damage }

    /// Recipes contain the raw values: append new cases at the end.
    enum Operation: UInt8, CaseIterable {
        case setNumber, changeType, removeKey, repeatKey, renameKey, addKey, resizeArray, setElement, setCounts
        case reshape, reshapeBoth, setSize, setSizeAlone, setDimensions, setTensorType, setTensorTypeAlone, setOffset
        case renameTensor, removeTensor, repeatTensor, swapTensors, fillWeights, setWeight, setIndices
        case cutTokens, addToken, removeToken, setToken, swapTokens, changeMerges, setTokenKind
        case flipBits, setByte, setWord, truncate, extend, removeBytes

        var topic: Topic {
            switch self {
            case .setNumber, .changeType, .removeKey, .repeatKey, .renameKey, .addKey, .resizeArray, .setElement,
                .setCounts:
                .metadata
            case .reshape, .reshapeBoth, .setSize, .setSizeAlone, .setDimensions, .setTensorType, .setTensorTypeAlone,
                .setOffset, .renameTensor, .removeTensor, .repeatTensor, .swapTensors, .fillWeights, .setWeight,
                .setIndices:
                .tensors
            case .cutTokens, .addToken, .removeToken, .setToken, .swapTokens, .changeMerges, .setTokenKind: .tokens
            case .flipBits, .setByte, .setWord, .truncate, .extend, .removeBytes: .damage
            }
        }
    }

    static let byteCount = 6

    let operation: Operation
    let isOfDrafter: Bool
    /// Selects a key, tensor or token.
    let place: UInt8
    let a, b, c: UInt8

    /// Reads an edit from `byteCount` bytes: the operation, the file (even: the verifier's), and four operands.
    init(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes)
        operation =
            Operation(rawValue: bytes[0]) ?? Operation.allCases[Int(bytes[0]) % Operation.allCases.count]
        isOfDrafter = bytes[1] % 2 == 1
        (place, a, b, c) = (bytes[2], bytes[3], bytes[4], bytes[5])
    }

    var number: LooseNumber { LooseNumber(a, low: b, high: c) }
}

extension Edit: CustomStringConvertible {
    var description: String { "\(operation) of the \(isOfDrafter ? "drafter" : "verifier"): \(place), \(a) \(b) \(c)" }
}
