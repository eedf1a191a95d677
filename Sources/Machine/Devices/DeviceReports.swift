/// What a device has to tell the user: trouble with the host, or a driver that breaks the rules.
///
/// A guest can cause such trouble as often as it likes. So a sentence is not repeated while nothing else happens, and a
/// device falls silent after a hundred of them.
final class DeviceReports {
    private static let limit = 100

    private let label: String
    private let sink: (String) -> Void
    private var last: String?
    private var count = 0

    init(_ label: String, to sink: @escaping (String) -> Void) {
        self.label = label
        self.sink = sink
    }

    func report(_ sentence: String) {
        guard sentence != last, count <= Self.limit else { return }
        last = sentence
        count += 1
        sink("\(label): \(count <= Self.limit ? sentence : "more trouble follows, which is not reported")")
    }

    /// All is well again: the same trouble would be news.
    func recovered() {
        last = nil
    }
}
