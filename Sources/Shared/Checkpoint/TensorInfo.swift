/// A checkpoint's description of one tensor. `shape` has the fastest dimension first: [inputs, outputs] for a matrix.
package struct TensorInfo: Equatable, Sendable {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// Bytes from the start of its file's data section; checked to be inside the file and to overlap no other tensor.
    package let offset: Int
    /// The file that it is in, counted from 0.
    package internal(set) var part = 0

    package init(name: String, type: TensorType, shape: [Int], offset: Int) {
        self.name = name
        self.type = type
        self.shape = shape
        self.offset = offset
    }

    package var count: Int { shape.reduce(1, *) }
    /// Of all its matrices, if it has several.
    package var rows: Int { count / shape[0] }
    package var byteCount: Int { count / type.unitSize * type.unitBytes }
}
