/// Those who may know what one another's prompts begin with.
package struct CacheScope: Hashable, Sendable {
    let client: String?
    let salt: String?

    package init(client: String?, salt: String?) {
        self.client = client
        self.salt = salt
    }
}
