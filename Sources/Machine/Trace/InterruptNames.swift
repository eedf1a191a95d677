import ISA

/// Whose an interrupt is, by the device tree that the machine was started with.
struct InterruptNames {
    private let isGIC: Bool
    private var devices: [UInt32: String] = [:]

    init(_ session: Session) {
        isGIC = session.board.architecture == .aarch64
        let file = InputFile(name: "device tree", bytes: session.deviceTree)
        guard let tree = try? DeviceTree(file) else { return }
        var handles: Set<UInt32> = []
        findControllers(tree.root, &handles)
        add(tree.root, parent: nil, handles)
    }

    /// The name of the node that says it is its own, such as `serial@10000000`; nil where none does.
    func device(_ number: UInt32) -> String? { devices[number] }

    /// `IRQ 33 (pl011@9000000)`, `IRQ 5 (software-generated)`.
    func text(_ acknowledgement: InterruptAcknowledgement) -> String {
        let number = acknowledgement.number
        if acknowledgement.isVirtual { return "\(number), virtual" }
        return devices[number].map { "\(number) (\(printable($0)))" } ?? "\(number)"
            + (isGIC && number < 16 ? " (SGI)" : "")
    }

    /// Those whose interrupts CPUs ask for by number: GICs and PLICs.
    private func findControllers(_ node: DeviceTree.Node, _ handles: inout Set<UInt32>) {
        let names = node["compatible"].map { String(decoding: $0, as: UTF8.self) } ?? ""
        if node["interrupt-controller"] != nil, names.contains(isGIC ? "gic" : "plic"),
            let handle = node.cells("phandle")?.first
        {
            handles.insert(handle)
        }
        for child in node.children { findControllers(child, &handles) }
    }

    /// - Parameter parent: whose interrupts a node's are that does not say (Devicetree Specification, 2.4.1).
    private mutating func add(_ node: DeviceTree.Node, parent: UInt32?, _ handles: Set<UInt32>) {
        let parent = node.cells("interrupt-parent")?.first ?? parent
        if let parent, handles.contains(parent), let cells = node.cells("interrupts") {
            if isGIC {
                // Kind, number and trigger (bindings/interrupt-controller/arm,gic.yaml).
                for place in stride(from: 0, to: cells.count - cells.count % 3, by: 3) {
                    devices[cells[place + 1] &+ (cells[place] == 0 ? 32 : 16)] = node.name
                }
            } else {
                for cell in cells { devices[cell] = node.name }
            }
        }
        for child in node.children { add(child, parent: parent, handles) }
    }
}
