import SpeculateShared

/// How positions rotate queries and keys, from either of the spellings that config.json has had: `rope_theta` with
/// `rope_scaling`, or `rope_parameters`, which may tell apart layers that see everything from those that see a window.
struct RopeConfig {
    enum Scaling: Equatable {
        case none
        case linear(Double)
        case llama3(Llama3Scaling)
    }

    let base: Double
    /// Of layers that see a window, where they have one of their own.
    let localBase: Double?
    let scaling: Scaling

    init(_ fields: Fields, _ family: SourceFamily) throws(ModelFileError) {
        let parameters = try fields.optionalFields("rope_parameters")
        let local = try parameters?.optionalFields("sliding_attention")
        let older = try fields.optionalFields("rope_scaling")
        var global = parameters ?? older
        if parameters != nil {
            try fields.expect("rope_scaling", nil, fields["rope_parameters"], because: "none beside rope_parameters")
        }
        if let parameters, parameters["full_attention"] != nil || local != nil {
            global = try parameters.fields("full_attention")
        }
        if family.localRopeBase != nil, parameters != nil {
            // The library's class reads nothing else there.
            _ = try parameters?.fields("full_attention")
        }
        let plainBase = try fields.optionalPositive("rope_theta")
        base = try global?.optionalPositive("rope_theta") ?? plainBase ?? family.ropeBase
        if let local {
            try local.expect("rope_type", nil, .string("default"), because: "'default'")
            localBase = try local.optionalPositive("rope_theta") ?? family.localRopeBase
        } else {
            localBase = try fields.optionalPositive("rope_local_base_freq") ?? family.localRopeBase
        }
        guard family.localRopeBase != nil || localBase == nil else {
            throw fields.wrong("rope_parameters", .string("sliding_attention"), expected: "one rope for all layers")
        }
        scaling = try global.map { fields throws(ModelFileError) in try Self.scaling(fields, family) } ?? .none
    }

    private static func scaling(_ fields: Fields, _ family: SourceFamily) throws(ModelFileError) -> Scaling {
        try fields.expect("partial_rotary_factor", nil, .integer(1), .number(1), because: "1")
        let key = fields["rope_type"] == nil ? "type" : "rope_type"
        switch try fields.optionalString(key) ?? "default" {
        case "default": return .none
        case "linear":
            guard let factor = try fields.optionalPositive("factor") else {
                throw fields.wrong("factor", nil, expected: "a number above 0")
            }
            return .linear(factor)
        case "llama3" where family.takesLlama3Scaling: return .llama3(try Llama3Scaling(fields))
        default:
            let known = ["default", "linear"] + (family.takesLlama3Scaling ? ["llama3"] : [])
            throw fields.wrong(
                key, fields[key],
                expected: known.map { "'\($0)'" }.joined(separator: " or ") + " for '\(family.architecture)'")
        }
    }
}
