import SpeculateImport
import SpeculateShared

/// A tensor that is trained: its values in 32-bit floats, and what is left of them in the file's format, which is what
/// everything is computed with. Gradients by the rounded values are taken for those by the values themselves
/// (straight-through, Bengio et al. 2013). Matrices get 8 bits where they had fewer: a step of 4 bits is too far for what one
/// text teaches (on Python code +4.8 % tokens per round with 4, +7.4 % with 8).
package final class Parameter {
    /// Types that are fine enough for a matrix to learn in small steps.
    private static let fine: Set<TensorType> = [.f32, .f16, .bf16, .q8_0]

    package let name: String
    /// The file's, or Q8_0 where that is too coarse or cannot be written.
    package let type: TensorType
    package let rows: Int
    package let columns: Int
    /// Whether only the rows that were used have a gradient: tables that tokens look up.
    package let isTable: Bool
    package var count: Int { rows * columns }

    /// As in the file: [rows × rowBytes].
    package private(set) var bytes: [UInt8]
    /// [rows × columns]
    package let rounded: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    private let values: UnsafeMutablePointer<Float>
    private let mean: UnsafeMutablePointer<Float>
    private let square: UnsafeMutablePointer<Float>
    private let rowBytes: Int
    /// Rows of a table that have a gradient.
    private var used: [Int] = []
    private var isUsed: [Bool]

    /// - Parameters:
    ///   - stored: the same values in the file's format, if they come from there.
    ///   - isTrained: whether it may take steps; if not, it is but its values.
    package init(
        _ name: String, _ type: TensorType, rows: Int, columns: Int, values start: [Float], isTable: Bool = false,
        stored: [UInt8]? = nil, isTrained: Bool = true
    ) {
        precondition(start.count == rows * columns)
        self.name = name
        self.rows = rows
        self.columns = columns
        self.isTable = isTable
        let isWritten = isTable ? WeightEncoder.types.contains(type) : Self.fine.contains(type)
        let instead: TensorType = columns % TensorType.q8_0.unitSize == 0 ? .q8_0 : .f32
        self.type = isWritten || !isTrained ? type : instead
        rowBytes = columns / self.type.unitSize * self.type.unitBytes
        isUsed = isTable ? Array(repeating: false, count: rows) : []
        func allocate(_ from: [Float]?) -> UnsafeMutablePointer<Float> {
            let size = from?.count ?? (isTrained ? start.count : 0)
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: size)
            if let from {
                memory.initialize(from: from, count: size)
            } else {
                memory.initialize(repeating: 0, count: size)
            }
            return memory
        }
        rounded = allocate(start)
        values = allocate(isTrained ? start : [])
        gradient = allocate(nil)
        mean = allocate(nil)
        square = allocate(nil)
        bytes = isTrained ? stored ?? [] : []
        guard isTrained, !isWritten || stored == nil else { return }
        bytes = [UInt8](repeating: 0, count: rows * rowBytes)
        _ = bytes.withUnsafeMutableBytes { bytes in
            (0..<rows).allSatisfy { round($0, bytes.baseAddress! + $0 * rowBytes) }
        }
    }

    deinit { for memory in [rounded, gradient, values, mean, square] { memory.deallocate() } }

    /// Reads a tensor of a file.
    package convenience init(
        _ checkpoint: Checkpoint, _ info: TensorInfo, isTable: Bool = false, isTrained: Bool = true
    ) throws(CheckpointError) {
        let columns = info.shape.count == 1 ? info.count : info.shape[0]
        self.init(
            info.name, info.type, rows: info.count / columns, columns: columns, values: try checkpoint.floats(of: info),
            isTable: isTable, stored: try checkpoint.bytes(of: info), isTrained: isTrained)
    }

    /// The tensor with its rows in another order, some of them new: of a draft vocabulary that has changed.
    /// - Parameter fresh: [rows] the values of those that have no source.
    convenience init(_ old: Parameter, sources: [Int?], fresh: (Int) -> [Float]) {
        var values: [Float] = []
        var bytes: [UInt8] = []
        values.reserveCapacity(old.count)
        bytes.reserveCapacity(old.bytes.count)
        for (row, source) in sources.enumerated() {
            let from = source ?? 0
            values += source == nil ? fresh(row) : Array(UnsafeBufferPointer(start: old.row(from), count: old.columns))
            bytes += old.bytes[from * old.rowBytes..<(from + 1) * old.rowBytes]
        }
        self.init(
            old.name, old.type, rows: sources.count, columns: old.columns, values: values, isTable: old.isTable,
            stored: bytes)
        for (row, source) in sources.enumerated() where source == nil {
            _ = self.bytes.withUnsafeMutableBytes { round(row, $0.baseAddress! + row * rowBytes) }
        }
    }

    package var gradients: [Float] { Array(UnsafeBufferPointer(start: gradient, count: count)) }

    package func forgetGradients() {
        gradient.update(repeating: 0, count: count)
        forgetUse()
    }

    private func forgetUse() {
        for row in used { isUsed[row] = false }
        used.removeAll(keepingCapacity: true)
    }

    /// Notes that a table's row has a gradient. One thread.
    func use(_ row: Int) {
        guard !isUsed[row] else { return }
        isUsed[row] = true
        used.append(row)
    }

    /// [columns] of one row's gradient.
    func gradient(_ row: Int) -> UnsafeMutablePointer<Float> { gradient + row * columns }
    func row(_ row: Int) -> UnsafePointer<Float> { UnsafePointer(rounded + row * columns) }

    /// The sum of the gradient's squares.
    var squaredNorm: Double {
        var sum = 0.0
        for row in isTable ? used : Array(0..<rows) {
            var part: Float = 0
            for index in row * columns..<(row + 1) * columns { part += gradient[index] * gradient[index] }
            sum += Double(part)
        }
        return sum
    }

    /// Takes a step and forgets the gradient.
    /// - Returns: false if a value no longer fits the file's format.
    func step(_ adam: AdamStep, _ pool: WorkerPool) -> Bool {
        let failed = Locked(false)
        bytes.withUnsafeMutableBytes { bytes in
            pool.run { worker in
                let range = worker.share(of: isTable ? used.count : rows)
                for place in range {
                    let row = isTable ? used[place] : place
                    let first = row * columns
                    adam.apply(values + first, gradient + first, mean + first, square + first, columns)
                    if !round(row, bytes.baseAddress! + row * rowBytes) { failed.withLock { $0 = true } }
                }
            }
        }
        forgetUse()
        return !failed.withLock { $0 }
    }

    private func round(_ row: Int, _ bytes: UnsafeMutableRawPointer) -> Bool {
        let first = row * columns
        guard WeightEncoder.encode(values + first, columns, as: type, to: bytes) else { return false }
        dequantize(
            UnsafeRawBufferPointer(start: bytes, count: rowBytes), type: type, inputs: columns,
            into: UnsafeMutableBufferPointer(start: rounded + first, count: columns))
        return true
    }
}
