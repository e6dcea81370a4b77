extension Engine {
    /// The version of this package.
    public static let version = "0.1.0"
}
