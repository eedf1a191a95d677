extension Text {
    /// How many bytes must be inserted, removed, replaced or swapped with their neighbour to make one text of the other
    /// (the optimal string alignment distance).
    func distance(to other: Text) -> Int {
        // Rows of the table of distances: from the first bytes of this text to each beginning of the other.
        var above: [Int] = []
        var row = Array(0...other.count)
        for (index, byte) in bytes.enumerated() {
            var next = [index + 1]
            for (column, otherByte) in other.bytes.enumerated() {
                var distance = min(row[column] + (byte == otherByte ? 0 : 1), row[column + 1] + 1, next[column] + 1)
                if index > 0, column > 0, byte == other.bytes[column - 1], bytes[index - 1] == otherByte {
                    distance = min(distance, above[column - 1] + 1)
                }
                next.append(distance)
            }
            (above, row) = (row, next)
        }
        return row[other.count]
    }

    /// The one of `names` that was probably meant: it begins like this, or differs by one or two typing errors.
    func nearest(in names: [Text]) -> Text? {
        if count > 1, let longer = names.first(where: { $0.hasPrefix(self) }) { return longer }
        var nearest: Text?
        // Of a short word, two errors leave nothing.
        var limit = min(count / 2, 2)
        for name in names where abs(name.count - count) <= limit {
            let distance = distance(to: name)
            if distance <= limit {
                nearest = name
                limit = distance - 1
            }
        }
        return nearest
    }
}
