/// A template of the language that chat templates are written in: Jinja, as Hugging Face's libraries set it up.
///
/// It is read once and rendered many times. What it can cost is bounded, so that a template from anyone can be run.
package struct JinjaTemplate: Sendable {
    private let statements: [JinjaStatement]
    private let limits: JinjaLimits

    /// - Throws: `JinjaError` naming what is not the language, or not known here.
    package init(_ source: String, limits: JinjaLimits = JinjaLimits()) throws(JinjaError) {
        self.limits = limits
        statements = try JinjaParser.statements(of: source, limits)
    }

    /// The text for these variables, each character with its origin.
    /// - Parameter allowance: work that is granted beyond the limit, for long variables.
    /// - Throws: `JinjaError`, also where the template refuses its variables itself.
    package func render(
        _ variables: [String: JinjaValue], now: CivilTime, allowance: Int = 0
    ) throws(JinjaError) -> JinjaString {
        var renderer = JinjaRenderer(variables, now: now, limits, allowance: allowance)
        do throws(JinjaError) {
            _ = try renderer.execute(statements)
        } catch {
            var error = error
            if error.line == 0 { error.line = renderer.line }
            throw error
        }
        return renderer.output
    }
}
