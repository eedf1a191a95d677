/// The registers of a machine in GDB's XML ("Target Descriptions"), under the standard features where there is one.
struct GDBTargetDescription {
    private let target: any DebugTarget
    /// It is lldb that asks, which knows no unions: attributes of its own say what a register holds.
    private let isForLLDB: Bool

    init(_ target: any DebugTarget, isForLLDB: Bool = false) {
        self.target = target
        self.isForLLDB = isForLLDB
    }

    var document: [UInt8] {
        var lines = [
            "<?xml version=\"1.0\"?>", "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">", "<target version=\"1.0\">",
            "<architecture>\(architecture)</architecture>",
        ]
        for feature in features {
            lines.append("<feature name=\"\(feature)\">")
            if let types = types(of: feature) { lines.append(types) }
            for (number, register) in target.registers.enumerated() where self.feature(of: register) == feature {
                lines.append(
                    "<reg name=\"\(markup(register.name))\" bitsize=\"\(register.bits)\" regnum=\"\(number)\" "
                        + "type=\"\(type(of: register))\" group=\"\(register.group.rawValue)\""
                        + (isForLLDB && register.kind == .float ? " encoding=\"ieee754\" format=\"float\"" : "") + "/>")
            }
            lines.append("</feature>")
        }
        lines.append("</target>")
        return Array(lines.joined(separator: "\n").utf8)
    }

    private var isRISCV: Bool { target.architecture == .riscv }

    private var architecture: String { isRISCV ? "riscv:rv64" : "aarch64" }

    /// Those that have a register, in the order of their first.
    private var features: [String] {
        var names: [String] = []
        for register in target.registers {
            let name = feature(of: register)
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private func feature(of register: DebugRegister) -> String {
        switch (isRISCV, register.group) {
        case (true, .general): "org.gnu.gdb.riscv.cpu"
        case (true, .float): "org.gnu.gdb.riscv.fpu"
        case (true, .vector): "org.gnu.gdb.riscv.vector"
        case (true, .system):
            ["priv", "virt"].contains(register.name) ? "org.gnu.gdb.riscv.virtual" : "org.gnu.gdb.riscv.csr"
        case (false, .general): "org.gnu.gdb.aarch64.core"
        case (false, .float), (false, .vector): "org.gnu.gdb.aarch64.fpu"
        case (false, .system): "orrery.aarch64.system"
        }
    }

    private func type(of register: DebugRegister) -> String {
        switch register.kind {
        case .codePointer: "code_ptr"
        case .dataPointer: "data_ptr"
        case .vector: "aarch64v"
        case .float: isRISCV ? "riscv_double" : "ieee_double"
        case .integer: register.name == "cpsr" ? "cpsr_flags" : register.bits == 64 ? "int64" : "int"
        }
    }

    private func types(of feature: String) -> String? {
        switch feature {
        case "org.gnu.gdb.riscv.fpu":
            """
            <union id="riscv_double"><field name="float" type="ieee_single"/>\
            <field name="double" type="ieee_double"/></union>
            """
        case "org.gnu.gdb.aarch64.core": Self.processorState
        case "org.gnu.gdb.aarch64.fpu": Self.vector
        default: nil
        }
    }

    /// The fields of PSTATE, in the layout of SPSR_ELx (DDI 0487, C5.2.18).
    private static let processorState: String = {
        let fields = [
            ("SP", 0, 0), ("EL", 2, 3), ("nRW", 4, 4), ("F", 6, 6), ("I", 7, 7), ("A", 8, 8), ("D", 9, 9),
            ("BTYPE", 10, 11), ("SSBS", 12, 12), ("IL", 20, 20), ("SS", 21, 21), ("PAN", 22, 22), ("UAO", 23, 23),
            ("DIT", 24, 24), ("V", 28, 28), ("C", 29, 29), ("Z", 30, 30), ("N", 31, 31),
        ].map { "<field name=\"\($0)\" start=\"\($1)\" end=\"\($2)\"/>" }
        return "<flags id=\"cpsr_flags\" size=\"4\">\(fields.joined())</flags>"
    }()

    /// A vector register as lanes of each width.
    private static let vector: String = {
        let lanes = [
            ("d", 2, [("f", "ieee_double"), ("u", "uint64"), ("s", "int64")]),
            ("s", 4, [("f", "ieee_single"), ("u", "uint32"), ("s", "int32")]),
            ("h", 8, [("f", "ieee_half"), ("u", "uint16"), ("s", "int16")]),
            ("b", 16, [("u", "uint8"), ("s", "int8")]), ("q", 1, [("u", "uint128"), ("s", "int128")]),
        ]
        var (types, unions, fields) = ("", "", "")
        for (width, count, kinds) in lanes {
            var members = ""
            for (kind, type) in kinds {
                types += "<vector id=\"v\(count)\(width)\(kind)\" type=\"\(type)\" count=\"\(count)\"/>"
                members += "<field name=\"\(kind)\" type=\"v\(count)\(width)\(kind)\"/>"
            }
            unions += "<union id=\"vn\(width)\">\(members)</union>"
            fields += "<field name=\"\(width)\" type=\"vn\(width)\"/>"
        }
        return types + unions + "<union id=\"aarch64v\">\(fields)</union>"
    }()
}
