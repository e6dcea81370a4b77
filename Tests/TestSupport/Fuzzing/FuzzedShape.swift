/// The sizes that a model's tensors share. If one of them changes everywhere, the file's header is valid, and the code
/// that computes with it must cope.
struct FuzzedShape {
    var hidden = 64
    var feedForward = 96
    var heads = 4
    var kvHeads = 2
    var headDimension = 32
    var vocabulary = 260
    /// Rows of the head.
    var drafted = 260
    var rank = 32
    var taps = 1
    var layers = 2
    var context = 512
    var block = 8

    static let sizes: [any WritableKeyPath<Self, Int> & Sendable] = [
        \.hidden, \.feedForward, \.heads, \.kvHeads, \.headDimension, \.vocabulary, \.drafted, \.rank, \.taps, \.layers,
        \.context, \.block,
    ]

    /// The metadata keys of the sizes, without the architecture's name.
    var keys: [(String, Int)] {
        [
            ("embedding_length", hidden), ("feed_forward_length", feedForward), ("attention.head_count", heads),
            ("attention.head_count_kv", kvHeads), ("attention.key_length", headDimension),
            ("attention.value_length", headDimension), ("rope.dimension_count", headDimension),
            ("context_length", context), ("block_count", layers), ("block_size", block), ("vocab_size", vocabulary),
        ]
    }

    /// The sizes of the named tensor; nil if unknown.
    func sizes(of name: String) -> [Int]? {
        let isLayer = name.hasPrefix("blk.")
        switch isLayer ? String(name.split(separator: ".", maxSplits: 2).last ?? "") : name {
        case "token_embd.weight": return [hidden, vocabulary]
        case "output.weight", "speculate.draft_embd.weight": return [hidden, drafted]
        case "output_norm.weight", "enc.output_norm.weight", "attn_norm.weight", "ffn_norm.weight",
            "speculate.embd_proj.bias", "speculate.mask_embd.weight":
            return [hidden]
        case "speculate.embd_proj.weight": return [hidden, hidden]
        case "fc.weight": return [taps * hidden, hidden]
        case "d2t": return [drafted]
        case "markov_w1.weight": return [rank, vocabulary]
        case "markov_w2.weight": return [rank, drafted]
        case "conf_proj.weight": return [hidden + rank, 1]
        case "attn_q.weight": return [hidden, heads * headDimension]
        case "attn_k.weight", "attn_v.weight": return [hidden, kvHeads * headDimension]
        case "attn_output.weight": return [heads * headDimension, hidden]
        case "attn_q.bias": return [heads * headDimension]
        case "attn_k.bias", "attn_v.bias": return [kvHeads * headDimension]
        case "attn_q_norm.weight", "attn_k_norm.weight": return [headDimension]
        case "ffn_gate.weight", "ffn_up.weight": return [hidden, feedForward]
        case "ffn_down.weight": return [feedForward, hidden]
        case "rope_freqs.weight": return [headDimension / 2]
        default: return nil
        }
    }
}
