import SpeculateShared

/// A linear map between vectors of tokens; it can be fitted to those of which both are known, by least squares with a little
/// weight on small numbers.
struct LinearMap {
    private let inputs, outputs: Int
    private let weights: [Float]  // [outputs × inputs]

    /// - Parameter weights: [outputs × inputs]
    init(_ weights: [Float], inputs: Int) {
        self.inputs = inputs
        outputs = weights.count / inputs
        self.weights = weights
    }

    /// - Parameters:
    ///   - x: [rows × inputs]
    ///   - y: [rows × outputs]
    init(from x: [Float], to y: [Float], rows: Int) {
        let (inputs, outputs) = (x.count / rows, y.count / rows)
        (self.inputs, self.outputs) = (inputs, outputs)
        var square = [Float](repeating: 0, count: inputs * inputs)
        var product = [Float](repeating: 0, count: inputs * outputs)
        square.withUnsafeMutableBufferPointer { square in
            product.withUnsafeMutableBufferPointer { product in
                Products.byWeights(x, x, rows: rows, inputs: inputs, outputs: inputs, into: square.baseAddress!)
                Products.byWeights(x, y, rows: rows, inputs: outputs, outputs: inputs, into: product.baseAddress!)
            }
        }
        let trace = (0..<inputs).reduce(Float(0)) { $0 + square[$1 * inputs + $1] }
        for index in 0..<inputs { square[index * inputs + index] += 1e-3 * trace / Float(inputs) + 1e-12 }
        weights = Self.solve(square, product, inputs, outputs)
    }

    func callAsFunction(_ x: ArraySlice<Float>) -> [Float] {
        (0..<outputs).map { output in
            zip(weights[output * inputs..<(output + 1) * inputs], x).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        }
    }

    /// [columns × size], the transpose of A⁻¹ · B for a symmetric positive A [size × size], B [size × columns]: Cholesky's
    /// way, in doubles.
    private static func solve(_ a: [Float], _ b: [Float], _ size: Int, _ columns: Int) -> [Float] {
        var l = a.map(Double.init)
        for i in 0..<size {
            for j in 0...i {
                var sum = l[i * size + j]
                l.withUnsafeBufferPointer { l in for k in 0..<j { sum -= l[i * size + k] * l[j * size + k] } }
                l[i * size + j] = i == j ? max(sum, 1e-30).squareRoot() : sum / l[j * size + j]
            }
        }
        var solution = [Float](repeating: 0, count: columns * size)
        var column = [Double](repeating: 0, count: size)
        for c in 0..<columns {
            for i in 0..<size {
                var sum = Double(b[i * columns + c])
                l.withUnsafeBufferPointer { l in for k in 0..<i { sum -= l[i * size + k] * column[k] } }
                column[i] = sum / l[i * size + i]
            }
            for i in (0..<size).reversed() {
                column[i] /= l[i * size + i]
                let known = column[i]
                l.withUnsafeBufferPointer { l in for k in 0..<i { column[k] -= l[i * size + k] * known } }
            }
            for i in 0..<size { solution[c * size + i] = Float(column[i]) }
        }
        return solution
    }
}
