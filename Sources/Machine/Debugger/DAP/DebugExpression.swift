/// An expression as C spells it, over variables, registers ($a0), symbols, numbers and memory (*0x80000000).
struct DebugExpression {
    struct Failure: Error {
        let message: String
    }
    indirect enum Node {
        case number(UInt64)
        case name(String)
        case register(String)
        case unary(Character, Node)
        case binary(String, Node, Node)
        case member(Node, String, isThroughPointer: Bool)
        case element(Node, Node)
    }
    let root: Node

    init(_ text: String) throws(Failure) {
        guard text.utf8.count <= 4096 else { throw Failure(message: "it is too long") }
        var parser = Parser(tokens: try Self.tokens(text)[...])
        root = try parser.expression(1, depth: 0)
        if let rest = parser.tokens.first { throw Failure(message: "\"\(rest)\" is not expected there") }
    }

    // MARK: Reading

    private static let operators = [
        "->", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "<",
        ">", "(",
        ")", "[", "]", ".",
    ]

    private static func tokens(_ text: String) throws(Failure) -> [String] {
        var tokens: [String] = []
        var rest = text[...]
        while let first = rest.first {
            if first == " " || first == "\t" {
                rest = rest.dropFirst()
            } else if first.isLetter || first == "_" || first == "$" || first.isNumber {
                let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" || $0 == ":" }
                tokens.append(String(word))
                rest = rest.dropFirst(word.count)
            } else if let symbol = operators.first(where: { rest.hasPrefix($0) }) {
                tokens.append(symbol)
                rest = rest.dropFirst(symbol.count)
            } else {
                throw Failure(message: "\"\(first)\" is not expected there")
            }
        }
        return tokens
    }

    private struct Parser {
        var tokens: ArraySlice<String>
        private static let precedences: [String: Int] = [
            "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7, "<<": 8,
            ">>": 8,
            "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
        ]

        mutating func expression(_ least: Int, depth: Int) throws(Failure) -> Node {
            guard depth < 64 else { throw Failure(message: "it is nested too deeply") }
            var left = try unary(depth: depth)
            while let symbol = tokens.first, let precedence = Self.precedences[symbol], precedence >= least {
                tokens = tokens.dropFirst()
                left = .binary(symbol, left, try expression(precedence + 1, depth: depth + 1))
            }
            return left
        }

        private mutating func unary(depth: Int) throws(Failure) -> Node {
            guard depth < 64 else { throw Failure(message: "it is nested too deeply") }
            guard let token = tokens.popFirst() else { throw Failure(message: "it ends where a value is to be") }
            switch token {
            case "*", "&", "-", "~", "!":
                return .unary(Character(token), try unary(depth: depth + 1))
            case "(":
                let node = try expression(1, depth: depth + 1)
                guard tokens.popFirst() == ")" else { throw Failure(message: "a closing parenthesis is missing") }
                return try suffixes(node, depth: depth)
            default:
                return try suffixes(try primary(token), depth: depth)
            }
        }

        private func primary(_ token: String) throws(Failure) -> Node {
            if token.hasPrefix("$") { return .register(String(token.dropFirst())) }
            if token.first?.isNumber ?? false {
                guard let number = DAPSession.number(token) else { throw Failure(message: "\"\(token)\" is no number") }
                return .number(number)
            }
            guard token.first?.isLetter ?? false || token.hasPrefix("_") else {
                throw Failure(message: "\"\(token)\" is not expected there")
            }
            return .name(token)
        }

        private mutating func suffixes(_ node: Node, depth: Int) throws(Failure) -> Node {
            var node = node
            var count = 0
            while let token = tokens.first, token == "." || token == "->" || token == "[" {
                tokens = tokens.dropFirst()
                count += 1
                guard count < 64 else { throw Failure(message: "it is nested too deeply") }
                if token == "[" {
                    node = .element(node, try expression(1, depth: depth + 1))
                    guard tokens.popFirst() == "]" else { throw Failure(message: "a closing bracket is missing") }
                } else {
                    guard let name = tokens.popFirst() else { throw Failure(message: "a member's name is missing") }
                    node = .member(node, name, isThroughPointer: token == "->")
                }
            }
            return node
        }
    }
}

extension DebugEvaluator {
    func evaluate(_ text: String) throws(DAPSession.Failure) -> DebugValue {
        let expression: DebugExpression
        do throws(DebugExpression.Failure) { expression = try DebugExpression(text) } catch {
            throw DAPSession.Failure("\"\(text.prefix(100))\" cannot be read: \(error.message)")
        }
        return try value(of: expression.root)
    }

    func truth(of text: String) throws(DAPSession.Failure) -> Bool { try integer(of: text) != 0 }
    func integer(of text: String) throws(DAPSession.Failure) -> UInt64 { try integer(try evaluate(text)) }

    private func integer(_ value: DebugValue) throws(DAPSession.Failure) -> UInt64 {
        guard let number = number(of: value) else {
            throw DAPSession.Failure(value.location == .absent ? "it was optimised out" : "it is no number")
        }
        return number
    }

    private func value(of node: DebugExpression.Node) throws(DAPSession.Failure) -> DebugValue {
        switch node {
        case .number(let number): return DebugValue(number)
        case .name(let name):
            guard let value = variable(name) else {
                throw DAPSession.Failure("there is no variable, register or symbol \(name.prefix(100))")
            }
            return value
        case .register(let name):
            guard let value = register(named: name) else {
                throw DAPSession.Failure("there is no register \(name.prefix(40))")
            }
            return value
        case .unary("*", let node): return try pointed(by: try value(of: node))
        case .unary("&", let node):
            let value = try value(of: node)
            guard case .memory(let address) = value.location else { throw DAPSession.Failure("it is not in memory") }
            var pointer = DebugValue(address)
            (pointer.form, pointer.pointee) = (.address, value.type)
            return pointer
        case .unary(let symbol, let node):
            let number = try integer(try value(of: node))
            return DebugValue(symbol == "-" ? 0 &- number : symbol == "~" ? ~number : number == 0 ? 1 : 0)
        case .binary(let symbol, let left, let right): return try binary(symbol, left, right)
        case .member(let node, let name, let isThroughPointer):
            var structure = try value(of: node)
            // Swift has a dot for members of objects, too.
            if isThroughPointer || isReference(structure) { structure = try pointed(by: structure) }
            guard case .structure? = structure.type?.kind else { throw DAPSession.Failure("it has no members") }
            guard let member = children(of: structure).first(where: { $0.name == name }) else {
                throw DAPSession.Failure("it has no member \(name.prefix(40))")
            }
            return member.value
        case .element(let node, let index):
            let base = try value(of: node)
            let number = try integer(try value(of: index))
            let element: DebugType?
            switch base.type?.kind {
            case .array(let type, _)?: element = type
            case .pointer(let type)?: element = type
            default: element = nil
            }
            let size = element?.size ?? 8
            return DebugValue(
                type: element, size: size, location: .memory(try integer(base) &+ number &* UInt64(max(size, 1))))
        }
    }

    private func pointed(by value: DebugValue) throws(DAPSession.Failure) -> DebugValue {
        let address = try integer(value)
        let value = held(by: value) ?? value
        if let target = value.pointee { return DebugValue(type: target, size: target.size, location: .memory(address)) }
        switch value.type?.kind {
        case .pointer(let target?)?: return DebugValue(type: target, size: target.size, location: .memory(address))
        case .array(let element, _)?: return DebugValue(type: element, size: element.size, location: .memory(address))
        default:
            let pointee = DebugValue(type: nil, size: 8, location: .memory(address))
            guard bytes(of: pointee) != nil else {
                throw DAPSession.Failure("there is no memory at \(hexadecimal(address))")
            }
            return pointee
        }
    }

    private func binary(
        _ symbol: String, _ left: DebugExpression.Node, _ right: DebugExpression.Node
    ) throws(DAPSession.Failure) -> DebugValue {
        let leftValue = try value(of: left)
        let a = try integer(leftValue)
        if symbol == "&&" { return DebugValue(a != 0 ? (try integer(try value(of: right))) != 0 ? 1 : 0 : 0) }
        if symbol == "||" { return DebugValue(a != 0 ? 1 : (try integer(try value(of: right))) != 0 ? 1 : 0) }
        let rightValue = try value(of: right)
        var b = try integer(rightValue)
        // Pointers count in what they point to.
        if case .pointer(let target?)? = leftValue.type?.kind, symbol == "+" || symbol == "-" {
            if case .pointer? = rightValue.type?.kind {} else { b = b &* UInt64(max(target.size, 1)) }
            let sum = symbol == "+" ? a &+ b : a &- b
            return DebugValue(type: leftValue.type, size: 8, location: .value(sum))
        }
        let isSigned = [leftValue, rightValue].contains { if case .signed? = $0.type?.kind { true } else { false } }
        let (signedA, signedB) = (Int64(bitPattern: a), Int64(bitPattern: b))
        func truth(_ condition: Bool) -> UInt64 { condition ? 1 : 0 }
        switch symbol {
        case "+": return DebugValue(a &+ b)
        case "-": return DebugValue(a &- b)
        case "*": return DebugValue(a &* b)
        case "/", "%":
            guard b != 0 else { throw DAPSession.Failure("it divides by zero") }
            if isSigned {
                let result =
                    symbol == "/"
                    ? signedA.dividedReportingOverflow(by: signedB)
                    : signedA.remainderReportingOverflow(dividingBy: signedB)
                return DebugValue(UInt64(bitPattern: result.partialValue))
            }
            return DebugValue(symbol == "/" ? a / b : a % b)
        case "&": return DebugValue(a & b)
        case "|": return DebugValue(a | b)
        case "^": return DebugValue(a ^ b)
        case "<<": return DebugValue(a << b)
        case ">>": return DebugValue(isSigned ? UInt64(bitPattern: signedA >> Int64(clamping: b)) : a >> b)
        case "==": return DebugValue(truth(a == b))
        case "!=": return DebugValue(truth(a != b))
        case "<": return DebugValue(truth(isSigned ? signedA < signedB : a < b))
        case ">": return DebugValue(truth(isSigned ? signedA > signedB : a > b))
        case "<=": return DebugValue(truth(isSigned ? signedA <= signedB : a <= b))
        default: return DebugValue(truth(isSigned ? signedA >= signedB : a >= b))
        }
    }
}
