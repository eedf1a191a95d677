/// A node of a device tree in memory: the host's hardware, a guest's description, or the tree that a guest is given.
///
/// A node owns its children and knows its parent. Names, values and their order are kept as they came, so that a tree
/// that is read and written again is the same tree.
public final class DeviceTreeNode {
    public struct Property: Equatable, Sendable {
        public let name: Text
        public internal(set) var value: [UInt8]
    }

    /// With its unit address; empty for the root.
    public let name: Text
    public private(set) var properties: [Property] = []
    public private(set) var children: [DeviceTreeNode] = []
    private var parentReference: Unmanaged<DeviceTreeNode>?

    public init(_ name: Text = Text()) { self.name = name }

    deinit {
        for child in children { child.parentReference = nil }
    }

    /// Nil for a root.
    public var parent: DeviceTreeNode? {
        // SAFETY: a parent tells its children when it goes, so that whoever is referred to here is alive.
        parentReference?.takeUnretainedValue()
    }

    // MARK: Where it is

    public var root: DeviceTreeNode {
        var node = self
        while let parent = node.parent { node = parent }
        return node
    }

    /// From the root: `/cpus/cpu@0`.
    public var path: Text {
        guard let parent else { return name.isEmpty ? "/" : "/\(name)" }
        let above = parent.path
        return above.count == 1 ? "/\(name)" : "\(above)/\(name)"
    }

    /// The name without its unit address.
    public var baseName: Text { Text(name.bytes.prefix { $0 != UInt8(ascii: "@") }) }

    // MARK: Who is below

    /// The child of this name. Without a unit address it is the first child whose name is otherwise this one.
    public func child(_ name: Text) -> DeviceTreeNode? {
        children.first { $0.name == name } ?? children.first { $0.baseName == name }
    }

    /// The node at a path, seen from this node as a root.
    ///
    /// As in `stdout-path`, a path may begin with an alias, and ends before a colon (Devicetree Specification, "/aliases
    /// node" and "/chosen node").
    public func node(at path: Text) -> DeviceTreeNode? {
        let path = path.bytes.prefix { $0 != UInt8(ascii: ":") }
        var names = Text(path).split(UInt8(ascii: "/"))
        var node = self
        if path.first != UInt8(ascii: "/") {
            guard let alias = names.first, let target = child("aliases")?.text(alias), target.hasPrefix("/"),
                let start = self.node(at: target)
            else { return nil }
            node = start
            names.removeFirst()
        }
        for name in names {
            guard let next = node.child(name) else { return nil }
            node = next
        }
        return node
    }

    /// The first, in the tree's order, of this node and those below that is what is asked for.
    public func first(where isWanted: (DeviceTreeNode) -> Bool) -> DeviceTreeNode? {
        if isWanted(self) { return self }
        for child in children {
            if let found = child.first(where: isWanted) { return found }
        }
        return nil
    }

    /// This node and all below, in the tree's order.
    public var all: [DeviceTreeNode] {
        var nodes: [DeviceTreeNode] = []
        appendAll(to: &nodes)
        return nodes
    }

    private func appendAll(to nodes: inout [DeviceTreeNode]) {
        nodes.append(self)
        for child in children { child.appendAll(to: &nodes) }
    }

    /// The node that a `phandle` of this node's tree names.
    public func node(phandle: UInt32) -> DeviceTreeNode? { root.first { $0.phandle == phandle } }

    public func firstNode(compatible: Text) -> DeviceTreeNode? { first { $0.isCompatible(with: compatible) } }

    /// All of this node and those below whose `compatible` has the string.
    public func nodes(compatible: Text) -> [DeviceTreeNode] { all.filter { $0.isCompatible(with: compatible) } }

    // MARK: Change

    /// Takes the node from where it is, and makes it this node's last child.
    @discardableResult
    public func add(_ child: DeviceTreeNode) -> DeviceTreeNode {
        var above: DeviceTreeNode? = self
        while let node = above {
            precondition(node !== child, "a node is not put below itself")
            above = node.parent
        }
        child.removeFromParent()
        child.parentReference = Unmanaged.passUnretained(self)
        children.append(child)
        return child
    }

    /// Makes a child.
    @discardableResult
    public func add(_ name: Text) -> DeviceTreeNode { add(DeviceTreeNode(name)) }

    /// Takes the node, with all below it, out of the tree.
    public func removeFromParent() {
        guard let parent else { return }
        parentReference = nil
        parent.children.removeAll { $0 === self }
    }

    /// A tree of its own with the same contents, under another name if one is given.
    public func copy(named newName: Text? = nil) -> DeviceTreeNode {
        let copy = DeviceTreeNode(newName ?? name)
        copy.properties = properties
        for child in children { copy.add(child.copy()) }
        return copy
    }

    /// Replaces the property where there is one of the name, and is the last otherwise.
    public func set(_ name: Text, bytes: [UInt8]) {
        if let index = properties.firstIndex(where: { $0.name == name }) {
            properties[index].value = bytes
        } else {
            append(Property(name: name, value: bytes))
        }
    }

    public func remove(_ name: Text) { properties.removeAll { $0.name == name } }

    func append(_ property: Property) { properties.append(property) }
}
