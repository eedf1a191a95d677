/// The interpreter's side of each emitter operation.
extension Interpreter: Emitter {
    public typealias Value = UInt64
    public typealias Condition = Bool
    public typealias Handle = HeldMemory
    public typealias Vector = SIMD2<UInt64>
    public typealias Failure = Fault

    @inlinable @inline(__always) public mutating func giveUp() -> UInt64 {
        gaveUp = true
        return 0
    }

    // MARK: Constants and registers

    @inlinable @inline(__always) public func constant(_ value: UInt64) -> UInt64 { value }

    @inlinable @inline(__always) public func programCounter(plus offset: Int64) -> UInt64 {
        address &+ UInt64(bitPattern: offset)
    }

    @inlinable @inline(__always) public func register(_ index: UInt8) -> UInt64 {
        state.assumingMemoryBound(to: UInt64.self)[Int(index)]
    }

    @inlinable @inline(__always) public func setRegister(_ index: UInt8, _ value: UInt64) {
        if gaveUp { return }
        state.assumingMemoryBound(to: UInt64.self)[Int(index)] = value
    }

    @inlinable @inline(__always) public func setRegister(_ index: UInt8, bit: UInt8, _ width: Width, _ value: UInt64) {
        let mask = width.mask &<< UInt64(bit)
        setRegister(index, register(index) & ~mask | (value &<< UInt64(bit)) & mask)
    }

    @inlinable @inline(__always) public func state(_ offset: Int, _ width: Width) -> UInt64 {
        (state + offset).read(width)
    }

    @inlinable @inline(__always) public func setState(_ offset: Int, _ width: Width, _ value: UInt64) {
        if gaveUp { return }
        (state + offset).write(value, width)
    }

    // MARK: Integers

    @inlinable @inline(__always)
    public func binary(_ operation: BinaryOperation, _ width: Width, _ a: UInt64, _ b: UInt64) -> UInt64 {
        operation.evaluate(width, a, b)
    }

    @inlinable @inline(__always)
    public func unary(_ operation: UnaryOperation, _ width: Width, _ a: UInt64) -> UInt64 {
        operation.evaluate(width, a)
    }

    @inlinable @inline(__always) public func extend(_ extension: Extension, _ a: UInt64) -> UInt64 {
        `extension`.evaluate(a)
    }

    @inlinable @inline(__always)
    public func addWithCarry(_ width: Width, _ a: UInt64, _ b: UInt64, _ carry: UInt64) -> UInt64 {
        width.zeroExtend(a &+ b &+ carry)
    }

    @inlinable @inline(__always)
    public func subtractWithBorrow(_ width: Width, _ a: UInt64, _ b: UInt64, _ borrow: UInt64) -> UInt64 {
        width.zeroExtend(a &- b &- borrow)
    }

    // MARK: Conditions and flags

    @inlinable @inline(__always)
    public func compare(_ comparison: Comparison, _ width: Width, _ a: UInt64, _ b: UInt64) -> Bool {
        comparison.evaluate(width, a, b)
    }

    @inlinable @inline(__always) public func select(_ condition: Bool, _ a: UInt64, _ b: UInt64) -> UInt64 {
        condition ? a : b
    }
    @inlinable @inline(__always) public func value(of condition: Bool) -> UInt64 { condition ? 1 : 0 }
    @inlinable @inline(__always) public func not(_ a: Bool) -> Bool { !a }
    @inlinable @inline(__always) public func and(_ a: Bool, _ b: Bool) -> Bool { a && b }
    @inlinable @inline(__always) public func or(_ a: Bool, _ b: Bool) -> Bool { a || b }

    @inlinable @inline(__always)
    public func setFlags(_ kind: FlagsKind, _ width: Width, result: UInt64, _ a: UInt64, _ b: UInt64) {
        if gaveUp { return }
        core.pointee.flags.kind = kind
        core.pointee.flags.width = width
        core.pointee.flags.result = result
        core.pointee.flags.operand = b
        if kind.keepsFirst { core.pointee.flags.first = a }
    }

    @inlinable @inline(__always)
    public func setFlags(
        if condition: Bool, _ kind: FlagsKind, _ width: Width, result: UInt64, _ a: UInt64, _ b: UInt64,
        otherwise: UInt64?
    ) {
        if condition {
            setFlags(kind, width, result: result, a, b)
        } else if let otherwise {
            setFlags(raw: otherwise)
        }
    }

    @inlinable @inline(__always)
    public func condition(_ code: ConditionCode) -> Bool { core.pointee.flags.holds(code) }

    @inlinable @inline(__always) public func flags() -> UInt64 { core.pointee.flags.raw }

    @inlinable @inline(__always) public func setFlags(raw value: UInt64) {
        setFlags(.raw, .double, result: value, 0, 0)
    }

    // MARK: Memory

    @inlinable @inline(__always)
    public mutating func load(_ address: UInt64, _ width: Width, _ attributes: MemoryAttributes) throws(Fault)
        -> UInt64
    {
        if gaveUp { return 0 }
        let entry = reads(attributes) + TranslationContext.index(address)
        let misaligned = attributes.contains(.aligned) && address & (width.bytes &- 1) != 0
        if entry.pointee.mayRead(address, bytes: width.bytes) && !misaligned {
            // SAFETY: the tag says that the page at `address` is memory, at this distance in the host.
            let host = UnsafeRawPointer(bitPattern: UInt(entry.pointee.addend &+ address)).unsafelyUnwrapped
            return host.read(width)
        }
        if isFast { return giveUp() }
        synchronise()
        let value = try Guest.load(state, address, width, attributes)
        reload()
        return value
    }

    @inlinable @inline(__always)
    public mutating func store(
        _ address: UInt64, _ value: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) {
        if gaveUp { return }
        let entry = writes(attributes) + TranslationContext.index(address)
        let misaligned = attributes.contains(.aligned) && address & (width.bytes &- 1) != 0
        if entry.pointee.mayWrite(address, bytes: width.bytes) && !misaligned {
            // SAFETY: as for loads; the window holds only what may be written unseen.
            let host = UnsafeMutableRawPointer(bitPattern: UInt(entry.pointee.addend &+ address)).unsafelyUnwrapped
            host.write(value, width)
            return
        }
        if isFast { return gaveUp = true }
        synchronise()
        try Guest.store(state, address, value, width, attributes)
        reload()
    }

    /// The entries that an access of these attributes goes by.
    @inlinable @inline(__always)
    public func reads(_ attributes: MemoryAttributes) -> UnsafeMutablePointer<TranslationContext.ReadEntry> {
        attributes.contains(.unprivileged) ? core.pointee.unprivileged.pointee.reads : reads
    }

    @inlinable @inline(__always)
    public func writes(_ attributes: MemoryAttributes) -> UnsafeMutablePointer<TranslationContext.WriteEntry> {
        attributes.contains(.unprivileged) ? core.pointee.unprivileged.pointee.writes : writes
    }

    @inlinable @inline(__always)
    public mutating func probe(
        _ address: UInt64, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) throws(Fault) -> HeldMemory {
        let index = TranslationContext.index(address)
        let misaligned = attributes.contains(.aligned) && address & UInt64(bytes &- 1) != 0
        let isThere =
            write
            ? writes[index].mayWrite(address, bytes: UInt64(bytes))
            : reads[index].mayRead(address, bytes: UInt64(bytes))
        if isThere && !misaligned {
            let addend = write ? writes[index].addend : reads[index].addend
            // SAFETY: as for loads and stores.
            let host = UnsafeMutableRawPointer(bitPattern: UInt(addend &+ address)).unsafelyUnwrapped
            return HeldMemory(host: host, address: address, attributes: attributes)
        }
        if isFast {
            gaveUp = true
            return HeldMemory(host: nil, address: address, attributes: attributes)
        }
        synchronise()
        let host = try Guest.probe(state, address, bytes: bytes, write: write, attributes)
        reload()
        return HeldMemory(host: host, address: address, attributes: attributes)
    }

    @inlinable @inline(__always)
    public mutating func load(_ handle: HeldMemory, offset: UInt16, _ width: Width) -> UInt64 {
        if gaveUp { return 0 }
        if handle.isMemory { return (handle.host.unsafelyUnwrapped + Int(offset)).read(width) }
        synchronise()
        let value = Guest.loadHeld(state, handle.address &+ UInt64(offset), width, handle.attributes)
        reload()
        return value
    }

    @inlinable @inline(__always)
    public mutating func store(_ handle: HeldMemory, offset: UInt16, _ value: UInt64, _ width: Width) {
        if gaveUp { return }
        if handle.isMemory { return (handle.host.unsafelyUnwrapped + Int(offset)).write(value, width) }
        synchronise()
        Guest.storeHeld(state, handle.address &+ UInt64(offset), value, width, handle.attributes)
        reload()
    }

    @inlinable @inline(__always)
    public mutating func atomicUpdate(
        _ operation: AtomicOperation, _ handle: HeldMemory, _ operand: UInt64, _ width: Width
    ) -> UInt64 {
        let old = load(handle, offset: 0, width)
        store(handle, offset: 0, operation.evaluate(width, old, operand), width)
        return old
    }

    @inlinable @inline(__always)
    public mutating func compareAndSwap(
        _ handle: HeldMemory, expected: UInt64, new: UInt64, _ width: Width
    ) -> UInt64 {
        let old = load(handle, offset: 0, width)
        if old == width.zeroExtend(expected) { store(handle, offset: 0, new, width) }
        return old
    }

    @inlinable @inline(__always)
    public mutating func compareAndSwapPair(
        _ handle: HeldMemory, expected: (UInt64, UInt64), new: (UInt64, UInt64)
    ) -> (UInt64, UInt64) {
        let old = (load(handle, offset: 0, .double), load(handle, offset: 8, .double))
        if old == expected {
            store(handle, offset: 0, new.0, .double)
            store(handle, offset: 8, new.1, .double)
        }
        return old
    }

    @inlinable @inline(__always) public func reserve(_ handle: HeldMemory) {
        if gaveUp { return }
        core.pointee.reservation = handle.reservation
    }

    @inlinable @inline(__always) public func consumeReservation(_ handle: HeldMemory) -> Bool {
        if gaveUp { return false }
        let held = handle.reservation != 0 && core.pointee.reservation == handle.reservation
        core.pointee.reservation = 0
        return held
    }

    @inlinable @inline(__always)
    public mutating func store(
        if condition: Bool, _ handle: HeldMemory, offset: UInt16, _ value: UInt64, _ width: Width
    ) {
        if condition { store(handle, offset: offset, value, width) }
    }

    // MARK: Floating point

    @inlinable @inline(__always)
    public func float(
        _ operation: FloatOperation, _ format: FloatSize, _ a: UInt64, _ b: UInt64, _ c: UInt64,
        _ rounding: RoundingControl
    ) -> UInt64 {
        if gaveUp { return 0 }
        return Guest.float(operation, format, state, a, b, c, rounding)
    }

    @inlinable @inline(__always)
    public func floatToInteger(
        _ format: FloatSize, _ a: UInt64, _ width: Width, signed: Bool, _ rounding: RoundingControl
    ) -> UInt64 {
        if gaveUp { return 0 }
        return Guest.floatToInteger(format, state, a, width, signed: signed, rounding)
    }

    @inlinable @inline(__always)
    public func integerToFloat(
        _ format: FloatSize, _ a: UInt64, _ width: Width, signed: Bool, _ rounding: RoundingControl
    ) -> UInt64 {
        if gaveUp { return 0 }
        return Guest.integerToFloat(format, state, a, width, signed: signed, rounding)
    }

    @inlinable @inline(__always)
    public func convertFloat(_ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl) -> UInt64 {
        if gaveUp { return 0 }
        return Guest.convertFloat(state, a, from: from, to: to, rounding)
    }

    // MARK: Vectors

    @inlinable @inline(__always) public func vectorRegister(_ index: UInt8) -> SIMD2<UInt64> {
        let base = 2 &* Int(index)
        return SIMD2(core.pointee.vectors[base], core.pointee.vectors[base &+ 1])
    }

    @inlinable @inline(__always) public func setVectorRegister(_ index: UInt8, _ value: SIMD2<UInt64>) {
        if gaveUp { return }
        let base = 2 &* Int(index)
        core.pointee.vectors[base] = value.x
        core.pointee.vectors[base &+ 1] = value.y
    }

    @inlinable @inline(__always) public func vector(low: UInt64, high: UInt64) -> SIMD2<UInt64> { SIMD2(low, high) }

    @inlinable @inline(__always) public func doubleword(_ index: UInt8, of vector: SIMD2<UInt64>) -> UInt64 {
        vector[Int(index)]
    }

    @inlinable @inline(__always)
    public func vectorUnary(
        _ operation: VectorUnaryOperation, lane: Width, _ a: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        operation.evaluate(lane, a)
    }

    @inlinable @inline(__always)
    public func vectorBinary(
        _ operation: VectorOperation, lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        operation.evaluate(lane, a, b)
    }

    @inlinable @inline(__always)
    public func vectorShift(
        _ operation: VectorShiftOperation, lane: Width, _ a: SIMD2<UInt64>, by count: UInt8
    ) -> SIMD2<UInt64> {
        operation.evaluate(lane, a, by: count)
    }

    @inlinable @inline(__always)
    public func vectorExtract(
        _ low: SIMD2<UInt64>, _ high: SIMD2<UInt64>, from byte: UInt8
    ) -> SIMD2<UInt64> {
        low.extracted(high, from: byte)
    }

    @inlinable @inline(__always)
    public func vectorSaturating(
        _ operation: VectorSaturatingOperation, lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>,
        _ c: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        let (result, saturated) = operation.evaluate(lane, a, b, c)
        if saturated && !gaveUp { core.pointee.saturated = 1 }
        return result
    }

    @inlinable @inline(__always)
    public func vectorFloat(
        _ operation: FloatOperation, _ format: FloatSize, lanes: UInt8, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>,
        _ c: SIMD2<UInt64>, _ rounding: RoundingControl
    ) -> SIMD2<UInt64> {
        if gaveUp { return a }
        return Guest.vectorFloat(operation, format, lanes: lanes, state, a, b, c, rounding)
    }

    @inlinable @inline(__always)
    public func cryptographic(
        _ operation: CryptographicOperation, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        operation.evaluate(a, b, c)
    }

    // MARK: Calls out of line

    @inlinable @inline(__always)
    public mutating func call(_ helper: HelperIdentifier, _ a: UInt64, _ b: UInt64) throws(Fault) -> UInt64 {
        // Helpers have effects, so they must not be begun twice.
        if isFast { return giveUp() }
        synchronise()
        let value = try Guest.call(helper, state, a, b)
        reload()
        return value
    }

    // MARK: Control

    @inlinable @inline(__always)
    public mutating func branch(if condition: Bool, offset: Int64) {
        if condition { go(to: programCounter(plus: offset)) }
    }

    @inlinable @inline(__always) public mutating func jump(offset: Int64) { go(to: programCounter(plus: offset)) }

    @inlinable @inline(__always) public mutating func jump(to address: UInt64, _ hint: JumpHint) {
        go(to: address)
        if flow == .resume && hint != .return { core.pointee.missedJump = hint.rawValue &+ 1 }
    }

    @inlinable @inline(__always)
    public mutating func trap(if condition: Bool, cause: UInt64, value: UInt64) throws(Fault) {
        if condition {
            if isFast { return gaveUp = true }
            core.pointee.fault = FaultRecord(cause: cause, value: value)
            throw Fault()
        }
    }

    @inlinable @inline(__always) public mutating func undefined() throws(Fault) {
        if isFast { return gaveUp = true }
        throw Guest.undefined(state)
    }

    @inlinable @inline(__always) public mutating func require(_ unit: Unit) throws(Fault) {
        let isThere =
            switch unit {
            case .floatingPoint: core.pointee.floatEnabled != 0
            case .dynamicRounding: core.pointee.floatRounding <= 4
            }
        if isThere { return }
        if isFast { return gaveUp = true }
        throw Guest.disabled(state, unit)
    }

    @inlinable @inline(__always) public func beginRegion(where condition: Bool) -> Bool { condition }
    @inlinable @inline(__always) public func endRegion() {}

    @inlinable @inline(__always) public mutating func endBlock() { flow = .leave }
    @inlinable @inline(__always) public mutating func resume() { flow = .resume }
}

/// What a probe found.
public struct HeldMemory {
    /// Nil where it is no single piece of memory: a device, or two pages.
    public let host: UnsafeMutableRawPointer?
    public let address: UInt64
    public let attributes: MemoryAttributes

    @inlinable @inline(__always)
    public init(host: UnsafeMutableRawPointer?, address: UInt64, attributes: MemoryAttributes) {
        self.host = host
        self.address = address
        self.attributes = attributes
    }

    /// Known when compiling where the attributes say `atomic`.
    @inlinable @inline(__always) public var isMemory: Bool { attributes.contains(.atomic) || host != nil }
    /// What the state block's reservation holds of it; 0 for devices, which nobody reserves.
    @inlinable @inline(__always) public var reservation: UInt64 { UInt64(UInt(bitPattern: host)) }
}

extension UnsafeRawPointer {
    /// The little-endian value of `width` here, zero-extended; any alignment.
    @inlinable @inline(__always) public func read(_ width: Width) -> UInt64 {
        switch width {
        case .byte: return UInt64(load(as: UInt8.self))
        case .half: return UInt64(loadUnaligned(as: UInt16.self))
        case .word: return UInt64(loadUnaligned(as: UInt32.self))
        case .double: return loadUnaligned(as: UInt64.self)
        }
    }
}

extension UnsafeMutableRawPointer {
    @inlinable @inline(__always) public func read(_ width: Width) -> UInt64 { UnsafeRawPointer(self).read(width) }

    @inlinable @inline(__always) public func write(_ value: UInt64, _ width: Width) {
        switch width {
        case .byte: storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        case .half: storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
        case .word: storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        case .double: storeBytes(of: value, as: UInt64.self)
        }
    }
}
