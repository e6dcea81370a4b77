/// A macro as a value, or the body of a `call` block.
package struct JinjaMacro: Sendable {
    package let name: String
    package let parameters: [JinjaParameter]
    package let body: [JinjaStatement]
    /// The variables around the definition: their place and their number, which tells whether they are still there.
    package let scope: Int
    package let scopeSerial: Int
    /// Tells the macro from others.
    package let serial: Int
}
