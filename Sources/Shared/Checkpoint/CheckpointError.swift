/// Why this engine cannot use a file as a checkpoint. The description names the key or tensor at fault.
package struct CheckpointError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    package static func truncated(_ part: String, needs bytes: UInt64, at offset: Int, of size: Int) -> Self {
        Self("\(part) needs \(bytes) bytes at offset \(offset), but the file ends at \(size)")
    }

    package static func missing(key: String) -> Self { Self("metadata key '\(key)' is missing") }

    package static func wrongType(key: String, found: MetadataType, expected: String) -> Self {
        Self("metadata key '\(key)' is \(found), expected \(expected)")
    }

    package static func invalid(key: String, value: some Any, expected: String) -> Self {
        Self("metadata key '\(key)' is \(value), expected \(expected)")
    }

    package static func tensor(_ name: String, _ reason: String) -> Self { Self("tensor '\(name)' \(reason)") }
}
