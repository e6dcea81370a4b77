/// The arguments of a call as they are written.
package struct JinjaArguments: Sendable {
    package var positional: [JinjaExpression] = []
    package var named: [(name: String, value: JinjaExpression)] = []
}
