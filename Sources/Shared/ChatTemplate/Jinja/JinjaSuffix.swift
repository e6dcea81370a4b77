/// What follows a value in an expression.
package enum JinjaSuffix: Sendable {
    /// .name
    case attribute(JinjaString)
    /// [index]
    case item(JinjaExpression)
    /// [start:end:step]
    case slice(JinjaExpression?, JinjaExpression?, JinjaExpression?)
    /// (arguments)
    case call(JinjaArguments)
    /// .name(arguments)
    case method(JinjaString, JinjaArguments)
    /// |name(arguments)
    case filter(JinjaFilter, JinjaArguments)
    /// is name(arguments)
    case test(JinjaTest, JinjaArguments, isNegated: Bool)
}
