/// The word of `words` that someone who wrote `word` most likely meant, or nil when none is near: it takes the fewest
/// letters added, left out, replaced or swapped with a neighbour, and no more than a third of the word.
public func nearestWord(to word: String, among words: [String]) -> String? {
    let word = Array(word.lowercased().unicodeScalars.prefix(64))
    let candidates = words.map { (distance(word, Array($0.lowercased().unicodeScalars)), $0) }
    guard let best = candidates.min(by: { $0.0 < $1.0 }), best.0 <= max(1, word.count / 3) else { return nil }
    return best.1
}

/// The optimal string alignment distance.
private func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
            row.append(best)
        }
        before = last
        last = row
    }
    return last[b.count]
}
