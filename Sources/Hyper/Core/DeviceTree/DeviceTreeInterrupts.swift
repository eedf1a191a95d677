// Interrupts of devices (Devicetree Specification, "Interrupts and Interrupt Mapping").

extension DeviceTreeNode {
    /// An interrupt that a device raises: the controller, and the cells by which that knows it.
    public struct Interrupt {
        public let controller: DeviceTreeNode
        public let specifier: [UInt32]
        /// By which the host's controller knows it.
        public var number: Int? { Port.interruptNumber(specifier) }
    }

    /// Whom the node's `interrupts` are for: what the nearest `interrupt-parent` names, or else the nearest node above
    /// that has `#interrupt-cells`.
    public var interruptParent: DeviceTreeNode? {
        var node = self
        // References may lead in a circle; a sound tree has no longer way.
        for _ in 0..<2 * FlattenedDeviceTree.depthLimit {
            let next: DeviceTreeNode?
            if let phandle = node.u32("interrupt-parent") {
                next = self.node(phandle: phandle)
            } else {
                next = node.parent
            }
            guard let next else { return nil }
            if next.has("#interrupt-cells") { return next }
            node = next
        }
        return nil
    }

    /// The interrupts that the node raises: those of `interrupts-extended`, or else of `interrupts`.
    public func interrupts() throws(HyperError) -> [Interrupt] {
        if has("interrupts-extended") { return try extendedInterrupts() }
        guard has("interrupts") else { return [] }
        guard let controller = interruptParent else {
            throw HyperError("\(path): its interrupts are for nobody: name a controller in interrupt-parent")
        }
        var rest = try interruptCells("interrupts")[...]
        var interrupts: [Interrupt] = []
        while !rest.isEmpty { interrupts.append(try takeInterrupt(from: &rest, of: controller, "interrupts")) }
        return interrupts
    }

    private func extendedInterrupts() throws(HyperError) -> [Interrupt] {
        var rest = try interruptCells("interrupts-extended")[...]
        var interrupts: [Interrupt] = []
        while let phandle = rest.popFirst() {
            guard let controller = node(phandle: phandle) else {
                throw HyperError(
                    "\(path): its interrupts-extended names phandle \(hex: UInt64(phandle)), which no node has")
            }
            interrupts.append(try takeInterrupt(from: &rest, of: controller, "interrupts-extended"))
        }
        return interrupts
    }

    private func interruptCells(_ name: Text) throws(HyperError) -> [UInt32] {
        guard let cells = cells(name) else { throw HyperError("\(path): its \(name) ends within a cell") }
        return cells
    }

    private func takeInterrupt(
        from rest: inout ArraySlice<UInt32>, of controller: DeviceTreeNode, _ name: Text
    ) throws(HyperError) -> Interrupt {
        guard let count = controller.u32("#interrupt-cells"), count > 0 else {
            throw HyperError("\(path): its \(name) is for \(controller.path), which has no #interrupt-cells")
        }
        guard rest.count >= count else {
            throw HyperError(
                """
                \(path): its \(name) ends within a specifier, of which \(controller.path) has #interrupt-cells of \
                \(UInt64(count))
                """)
        }
        defer { rest.removeFirst(Int(count)) }
        return Interrupt(controller: controller, specifier: Array(rest.prefix(Int(count))))
    }
}
