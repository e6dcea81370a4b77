/// Formats rows of cells as text, each column as wide as its contents: the first left-aligned, the others
/// right-aligned.
enum TextTable {
    /// - Parameter columns: the page width. Columns that do not fit next to the first go into a further table below.
    static func text(_ rows: [[String]], columns: Int) -> String {
        let widths = (0..<(rows.map(\.count).max() ?? 0)).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return parts(of: widths, columns).map { part in
            rows.map { row in
                part.filter { row.indices.contains($0) }.map { column in
                    let space = String(repeating: " ", count: widths[column] - row[column].count)
                    return column == 0 ? row[column] + space : space + row[column]
                }.joined(separator: "  ")
            }.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    /// The columns of each table, always including the first.
    private static func parts(of widths: [Int], _ columns: Int) -> [[Int]] {
        var parts = [[0]]
        var width = widths.first ?? 0
        for column in widths.indices.dropFirst() {
            if width + 2 + widths[column] > columns, parts[parts.count - 1].count > 1 {
                parts.append([0])
                width = widths[0]
            }
            parts[parts.count - 1].append(column)
            width += 2 + widths[column]
        }
        return parts
    }
}
