/// A parameter of a macro.
package struct JinjaParameter: Sendable {
    package let name: String
    package let fallback: JinjaExpression?
}
