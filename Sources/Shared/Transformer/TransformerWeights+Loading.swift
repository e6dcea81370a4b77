import CKernels

extension TransformerWeights.Layer {
    /// - Throws: `CheckpointError` naming the tensor that is missing or misshapen.
    init(
        _ index: Int, _ loader: WeightLoader, _ config: TransformerConfig, _ family: ModelFamily
    ) throws(CheckpointError) {
        let hidden = config.hidden
        func matrix(_ name: String, _ inputs: Int, _ outputs: Int) throws(CheckpointError) -> spk_matrix {
            try loader.matrix("blk.\(index).\(name).weight", inputs: inputs, outputs: outputs)
        }
        func norm(_ name: String, _ count: Int) throws(CheckpointError) -> UnsafePointer<Float> {
            try loader.vector("blk.\(index).\(name).weight", count: count)
        }
        func bias(_ name: String, _ count: Int) throws(CheckpointError) -> UnsafePointer<Float>? {
            try loader.optionalVector("blk.\(index).\(name).bias", count: count)
        }
        let (before, after) = (family.norms != .after, family.norms != .before)
        attentionNorm = before ? try norm("attn_norm", hidden) : nil
        feedForwardNorm = before ? try norm("ffn_norm", hidden) : nil
        attentionPostNorm = after ? try norm("post_attention_norm", hidden) : nil
        feedForwardPostNorm = after ? try norm("post_ffw_norm", hidden) : nil
        let (queries, keys) = (config.queryWidth, config.kvWidth)
        let inputs = hidden * family.attentionInputs
        if loader.contains("blk.\(index).attn_qkv.weight") {
            let fused = try matrix("attn_qkv", inputs, queries + 2 * keys)
            query = fused.rows(0, queries)
            key = fused.rows(queries, keys)
            value = fused.rows(queries + keys, keys)
            let bias = try bias("attn_qkv", queries + 2 * keys)
            (queryBias, keyBias, valueBias) = (bias, bias.map { $0 + queries }, bias.map { $0 + queries + keys })
        } else {
            query = try matrix("attn_q", inputs, queries)
            key = try matrix("attn_k", inputs, keys)
            value = try matrix("attn_v", inputs, keys)
            queryBias = try bias("attn_q", queries)
            keyBias = try bias("attn_k", keys)
            valueBias = try bias("attn_v", keys)
        }
        output = try matrix("attn_output", queries, hidden)
        outputBias = try bias("attn_output", hidden)
        switch family.headNorms {
        case .none: (queryNorm, keyNorm) = (nil, nil)
        case .perHead:
            queryNorm = try norm("attn_q_norm", config.headDimension)
            keyNorm = try norm("attn_k_norm", config.headDimension)
        case .wholeWidth:
            queryNorm = try norm("attn_q_norm", queries)
            keyNorm = try norm("attn_k_norm", keys)
        }
        let width = config.feedForward
        if let experts = config.experts {
            func matrices(_ name: String, _ inputs: Int, _ outputs: Int) throws(CheckpointError) -> spk_matrix {
                try loader.matrices(
                    "blk.\(index).\(name).weight", inputs: inputs, outputs: outputs, count: experts.count)
            }
            router = try matrix("ffn_gate_inp", hidden, experts.count)
            gate = try matrices("ffn_gate_exps", hidden, width)
            up = try matrices("ffn_up_exps", hidden, width)
            down = try matrices("ffn_down_exps", width, hidden)
            (gateBias, upBias, downBias) = (nil, nil, nil)
            return
        }
        router = nil
        if family.fusesGate {
            let fused = try matrix("ffn_up", hidden, 2 * width)
            gate = fused.rows(0, width)
            up = fused.rows(width, width)
            (gateBias, upBias) = (nil, nil)
        } else {
            gate = try matrix("ffn_gate", hidden, width)
            up = try matrix("ffn_up", hidden, width)
            gateBias = try bias("ffn_gate", width)
            upBias = try bias("ffn_up", width)
        }
        down = try matrix("ffn_down", width, hidden)
        downBias = try bias("ffn_down", hidden)
        func convolution(_ name: String) throws(CheckpointError) -> Convolution? {
            try family.convolution.map { shape throws(CheckpointError) in
                try Convolution("blk.\(index).\(name)_conv", shape, loader, hidden: hidden)
            }
        }
        attentionConvolution = try convolution("attn")
        feedForwardConvolution = try convolution("ffn")
        guard family.convolution == nil || outputBias == nil && downBias == nil else {
            throw CheckpointError("layer \(index) has both a convolution and a bias before it, which is not supported")
        }
    }
}
