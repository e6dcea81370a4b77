/// What a value is assigned to.
package indirect enum JinjaTarget: Sendable {
    case variable(String)
    /// namespace.attribute
    case attribute(of: String, JinjaString)
    /// a, b
    case several([JinjaTarget])
}
