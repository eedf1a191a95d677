/// What made the guest stop.
enum ExitCause: Int {
    case hypercall, deviceLoad, deviceStore, memoryFault, wait, timer, unexpected

    static let count = 7

    var name: StaticString {
        switch self {
        case .hypercall: "hypercall"
        case .deviceLoad: "device load"
        case .deviceStore: "device store"
        case .memoryFault: "memory fault"
        case .wait: "wait"
        case .timer: "host timer"
        case .unexpected: "unexpected"
        }
    }
}

/// The exits so far, printed as they come.
struct ExitTable {
    private var number: UInt64 = 0
    private var counts = InlineArray<7, UInt64>(repeating: 0)

    static func printHeader() {
        Console.write(" exit  cause         guest pc            guest address             time  what\n")
    }

    /// Starts a line; the caller ends it.
    mutating func begin(_ cause: ExitCause, pc: UInt64, address: UInt64?, time: UInt64) {
        number += 1
        counts[cause.rawValue] += 1
        Console.decimal(number, width: 5)
        Console.write("  ")
        Console.write(cause.name, width: 14)
        Console.hexadecimal(pc, digits: 16)
        Console.write("  ")
        if let address { Console.hexadecimal(address, digits: 16) } else { Console.write("", width: 18) }
        Console.decimal(time, width: 12)
        Console.write("  ")
    }

    func printSummary() {
        Console.write("\n")
        for index in 0..<ExitCause.count where counts[index] != 0 {
            Console.decimal(counts[index], width: 5)
            Console.write("  ")
            Console.write(ExitCause(rawValue: index)?.name ?? "")
            Console.write("\n")
        }
        Console.decimal(number, width: 5)
        Console.write("  exits in all\n")
    }
}
