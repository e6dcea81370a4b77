/// Requests with the same scope may share cached prefixes, and so may notice that their prompts begin alike.
package struct CacheScope: Hashable, Sendable {
    let client: String?
    let salt: String?

    package init(client: String?, salt: String?) {
        self.client = client
        self.salt = salt
    }
}
