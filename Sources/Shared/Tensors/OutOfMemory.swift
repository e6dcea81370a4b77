/// The system gives no more memory.
package struct OutOfMemory: Error, Equatable, CustomStringConvertible {
    package let bytes: Int

    package var description: String { "out of memory: the system does not give \(bytes) bytes" }
}
