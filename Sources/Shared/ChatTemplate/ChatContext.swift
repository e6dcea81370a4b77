/// What a template is told beside the messages.
package struct ChatContext: Sendable {
    /// Descriptions of the tools that the model may call.
    package var tools: [ChatValue] = []
    /// More variables of the template, such as `enable_thinking`.
    package var variables: [String: ChatValue] = [:]
    /// The time that the template sees; nil is the present.
    package var now: CivilTime?

    package init() {}
}
