import SpeculateShared

extension FuzzedModel {
    mutating func editTensors(_ edit: Edit) {
        if edit.operation == .reshape || edit.operation == .reshapeBoth {
            shape[keyPath: FuzzedShape.sizes[Int(edit.place) % FuzzedShape.sizes.count]] = edit.number.size
            if edit.c % 4 == 1 { file["dflash.sample_from_anchor"] = .number(type: 7, [0]) }
            return reshape()
        }
        guard !file.tensors.isEmpty else { return }
        let index = Int(edit.place) % file.tensors.count
        var sizes = file.tensors[index].sizes
        switch edit.operation {
        case .setSize, .setSizeAlone:
            guard !sizes.isEmpty else { return }
            sizes[Int(edit.c) % sizes.count] = UInt64(bitPattern: edit.number.integer)
            if edit.operation == .setSize { resize(index, to: sizes) } else { file.tensors[index].sizes = sizes }
        case .setDimensions:
            let count = Int(edit.a) % 7
            sizes = Array(sizes.prefix(count)) + [UInt64](repeating: 1, count: max(count - sizes.count, 0))
            if edit.b % 2 == 0 { resize(index, to: sizes) } else { file.tensors[index].sizes = sizes }
        case .setTensorType:
            let types = TensorType.allCases
            file.tensors[index].type = types[Int(edit.a) % types.count].rawValue
            // Makes every scale a small half-precision number.
            if edit.b % 2 == 0 { file.tensors[index].bytes = [0x11] }
            resize(index, to: sizes)
        case .setTensorTypeAlone:
            file.tensors[index].type =
                edit.b % 4 == 0 ? UInt32(truncatingIfNeeded: edit.number.integer) : UInt32(edit.a)
        case .setOffset: file.tensors[index].offset = UInt64(bitPattern: edit.number.integer)
        case .renameTensor:
            let other = file.tensors[Int(edit.a) % file.tensors.count].name
            file.tensors[index].name = ["", "a", "rope_freqs.weight", "conf_proj.bias", other][Int(edit.b) % 5]
        case .removeTensor: file.tensors.remove(at: index)
        case .repeatTensor:
            file.tensors.append(file.tensors[index])
            if edit.b % 2 == 0 {
                let names = ["output.weight", "token_embd.weight", "rope_freqs.weight", "blk.2.attn_q.weight"]
                file.tensors[file.tensors.count - 1].name = names[Int(edit.a) % names.count]
            }
        case .swapTensors:
            let other = Int(edit.a) % file.tensors.count
            (file.tensors[index].bytes, file.tensors[other].bytes) =
                (file.tensors[other].bytes, file.tensors[index].bytes)
        case .setIndices: setIndices(edit)
        default: editWeights(index, edit)
        }
    }

    /// Sets one or all of a tensor's values in their own type, or random bytes.
    private mutating func editWeights(_ index: Int, _ edit: Edit) {
        let type = TensorType(rawValue: file.tensors[index].type)
        let value: [UInt8]
        switch type {
        case .f32: value = withUnsafeBytes(of: Float(edit.number.float)) { Array($0) }
        case .bf16: value = withUnsafeBytes(of: Float(edit.number.float)) { Array($0.suffix(2)) }
        case .f16: value = Self.halves[Int(edit.a) % Self.halves.count]
        case .i32: value = withUnsafeBytes(of: Int32(truncatingIfNeeded: edit.number.integer)) { Array($0) }
        case .i64: value = withUnsafeBytes(of: edit.number.integer) { Array($0) }
        default:
            var rng = SplitMix(UInt64(edit.a))
            value = (0..<(type?.unitBytes ?? 1)).map { _ in UInt8.random(in: 0...255, using: &rng) }
        }
        let count = file.tensors[index].bytes.count / value.count
        guard count > 0 else { return }
        let start = edit.operation == .setWeight ? (Int(edit.b) << 8 | Int(edit.c)) % count : 0
        let end = edit.operation == .setWeight ? start + 1 : count
        for place in start..<end {
            file.tensors[index].bytes.replaceSubrange(place * value.count..<(place + 1) * value.count, with: value)
        }
    }

    /// Zero, one, NaN, both infinities, the greatest, the least normal and the least subnormal number.
    private static let halves: [[UInt8]] = [
        [0, 0], [0, 0x3c], [0, 0x7e], [0, 0x7c], [0, 0xfc], [0xff, 0x7b], [0, 4], [1, 0], [0, 0x80], [0xff, 0xff],
    ]

    /// Changes the drafter's token list: one entry, all to the same, or the order.
    private mutating func setIndices(_ edit: Edit) {
        guard let list = file.tensors.firstIndex(where: { $0.name == "d2t" }) else { return }
        let count = file.tensors[list].bytes.count / 8
        guard count > 0 else { return }
        for place in 0..<count where edit.b % 4 != 0 || place == Int(edit.place) % count {
            let value: Int64
            switch edit.b % 4 {
            case 0, 1: value = edit.number.integer
            case 2: value = Int64(count - 1 - place)
            default: value = Int64(shape.vocabulary - count + place)
            }
            let bytes = withUnsafeBytes(of: value) { Array($0) }
            file.tensors[list].bytes.replaceSubrange(place * 8..<place * 8 + 8, with: bytes)
        }
    }
}
