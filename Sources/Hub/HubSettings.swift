import SpeculateShared

/// Where models come from and go to, as the environment says.
package struct HubSettings: Sendable {
    package let endpoint: HubEndpoint
    package let token: AccessToken?
    package let store: ModelStore
    /// Whether the network must not be used.
    package let isOffline: Bool
    /// How long a connection may take to open.
    let patience = Duration.seconds(10)
    /// How long a server may say nothing.
    let silence: Duration

    /// Reads `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`, `HF_HUB_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT` and `XDG_CACHE_HOME`.
    /// - Throws: `ModelFileError` naming the variable that is not sound.
    package init(_ environment: HubEnvironment = HubEnvironment()) throws(ModelFileError) {
        endpoint = try HubEndpoint(environment["HF_ENDPOINT"] ?? HubEndpoint.usual)
        token = try AccessToken(environment)
        store = ModelStore(environment)
        isOffline = ["1", "true", "yes", "on"].contains(environment["HF_HUB_OFFLINE"]?.lowercased())
        if let text = environment["HF_HUB_DOWNLOAD_TIMEOUT"] {
            guard let seconds = Int(text), (1...3600).contains(seconds) else {
                throw ModelFileError(.usage, "HF_HUB_DOWNLOAD_TIMEOUT is '\(text)', expected 1 to 3600 seconds")
            }
            silence = .seconds(seconds)
        } else {
            silence = .seconds(30)
        }
    }
}
