// What HyperModule.h has, as Swift would say it. Part of each module.
import HyperModule

extension hyper_text {
    init(_ text: StaticString) { self.init(bytes: text.utf8Start, count: text.utf8CodeUnitCount) }

    /// The number that it is, decimal or hexadecimal behind `0x`; nil where it is none.
    var number: UInt64? {
        var digits = UnsafeBufferPointer(start: bytes, count: count)[...]
        var radix: UInt64 = 10
        if digits.count > 2, digits[0] == 0x30, digits[1] | 0x20 == 0x78 {
            digits = digits.dropFirst(2)
            radix = 16
        }
        guard !digits.isEmpty, digits.count <= 16 else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit: UInt64
            switch byte {
            case 0x30...0x39: digit = UInt64(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: digit = UInt64(byte | 0x20) - 0x57
            default: return nil
            }
            guard digit < radix else { return nil }
            value = value &* radix &+ digit
        }
        return value
    }
}

/// A module's own objects, as Hyper keeps them for it.
extension UnsafeMutableRawPointer {
    /// Keeps the object until ``take(_:)``.
    static func keep<Object: AnyObject>(_ object: Object) -> UnsafeMutableRawPointer {
        Unmanaged.passRetained(object).toOpaque()
    }

    /// Uses the object, which is kept.
    func with<Object: AnyObject, Result>(_ type: Object.Type, _ body: (Object) -> Result) -> Result {
        // SAFETY: Hyper gives back what it was given, with the functions that belong to it.
        Unmanaged<Object>.fromOpaque(self)._withUnsafeGuaranteedRef(body)
    }

    /// Keeps it no more.
    func drop<Object: AnyObject>(_ type: Object.Type) { Unmanaged<Object>.fromOpaque(self).release() }
}
