/// A statement and the line where it begins.
package struct JinjaStatement: Sendable {
    package indirect enum Kind: Sendable {
        /// Text between the tags.
        case text(JinjaString)
        /// {{ expression }}
        case output(JinjaExpression)
        /// if and elif, each with a condition; else without one
        case branches([(condition: JinjaExpression?, body: [JinjaStatement])])
        /// for target in items if filter
        case loop(
            JinjaTarget, in: JinjaExpression, where: JinjaExpression?, body: [JinjaStatement],
            otherwise: [JinjaStatement])
        /// set target = value
        case assignment(JinjaTarget, JinjaExpression)
        /// set target, the block's text, endset
        case capture(JinjaTarget, filters: [JinjaSuffix], [JinjaStatement])
        case macro(String, [JinjaParameter], [JinjaStatement])
        /// call(parameters) expression
        case call([JinjaParameter], JinjaExpression, [JinjaStatement])
        case filter([JinjaSuffix], [JinjaStatement])
        /// with a = 1, b = 2
        case with([(target: JinjaTarget, value: JinjaExpression)], [JinjaStatement])
        /// generation: the text of the assistant; it is rendered as it stands
        case generation([JinjaStatement])
        case `break`
        case `continue`
    }

    package let line: Int
    package let kind: Kind
}
