/// What a checkpoint says of one tensor. `shape` counts from the fastest dimension: [inputs, outputs] for a matrix.
package struct TensorInfo: Equatable, Sendable {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// From the start of the data section, in bytes; checked to lie inside the file and to overlap no other tensor.
    package let offset: Int

    package init(name: String, type: TensorType, shape: [Int], offset: Int) {
        self.name = name
        self.type = type
        self.shape = shape
        self.offset = offset
    }

    package var count: Int { shape.reduce(1, *) }
    package var byteCount: Int { count / type.blockSize * type.blockBytes }
}
