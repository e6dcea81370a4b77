/// The chat page: one HTML document, with its style and its scripts inside.
struct Page: Sendable {
    private static let parts: [String: [UInt8]] = [
        "page.css": PackageResources.page_css,
        "answering.js": PackageResources.answering_js,
        "clipboard.js": PackageResources.clipboard_js,
        "comparison.js": PackageResources.comparison_js,
        "conversations.js": PackageResources.conversations_js,
        "diffusion.js": PackageResources.diffusion_js,
        "drawers.js": PackageResources.drawers_js,
        "drawing.js": PackageResources.drawing_js,
        "editing.js": PackageResources.editing_js,
        "elements.js": PackageResources.elements_js,
        "markdown.js": PackageResources.markdown_js,
        "rounds.js": PackageResources.rounds_js,
        "server.js": PackageResources.server_js,
        "settings.js": PackageResources.settings_js,
        "start.js": PackageResources.start_js,
        "storage.js": PackageResources.storage_js,
        "turns.js": PackageResources.turns_js,
    ]

    let html: String

    /// Puts each file where index.html names it in a comment. All scripts become a single one, so that each can call
    /// the functions of those after it.
    init() {
        let outline = String(decoding: PackageResources.index_html, as: UTF8.self)
        html = outline.replacing(/\/\* (\S+) \*\//) { comment in
            let name = String(comment.1)
            guard let part = Self.parts[name] else { preconditionFailure("\(name) is not among the page's parts") }
            return String(decoding: part, as: UTF8.self)
        }
    }
}
