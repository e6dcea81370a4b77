/// An expression. Chains of operators and of suffixes are flat, so that only brackets and conditions nest.
package indirect enum JinjaExpression: Sendable {
    case constant(JinjaValue)
    case variable(String)
    case list([JinjaExpression])
    case tuple([JinjaExpression])
    case dictionary([(key: JinjaExpression, value: JinjaExpression)])
    /// first op operand op operand ..., from the left
    case arithmetic(JinjaExpression, [(operation: JinjaOperator, operand: JinjaExpression)])
    /// first < second == third ..., all of which must hold
    case comparison(JinjaExpression, [(operation: JinjaComparison, operand: JinjaExpression)])
    /// a ~ b ~ c
    case concatenation([JinjaExpression])
    case and([JinjaExpression])
    case or([JinjaExpression])
    case not(JinjaExpression)
    /// -a or +a
    case sign(isNegative: Bool, JinjaExpression)
    /// a if condition else b
    case conditional(JinjaExpression, condition: JinjaExpression, otherwise: JinjaExpression?)
    /// base.name[index](arguments)|filter is test ...
    case chain(JinjaExpression, [JinjaSuffix])
}
