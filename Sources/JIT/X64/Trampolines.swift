import ISA

extension X64 {
    /// The fixed code at the start of the code memory: how translated code is entered and left, and how it calls out.
    ///
    /// Entering keeps what the host's calling convention says (System V ABI, 3.2.1) and loads the registers of the map;
    /// leaving stores them. In between nothing is in the state block that has a home in a register.
    struct Trampolines {
        /// A C function of the state block and the address of translated code; gives the ``Exit``.
        private(set) var enter: UInt = 0
        /// Left because the budget does not reach; the program counter is stored.
        private(set) var outOfBudget: UInt = 0
        /// Left for the interpreter; the program counter is stored.
        private(set) var interpret: UInt = 0
        /// Left because nobody knows the code of the address in rax.
        private(set) var resolve: UInt = 0
        /// The same behind a jump to a register, and behind a call of one: whoever goes on knows by ``CoreState/missedJump``.
        private(set) var resolveJump: UInt = 0
        private(set) var resolveCall: UInt = 0
        /// Called: enters the page of the address in rax into the TLB, for the ``PageUse`` in rcx; gives a
        /// ``PageEntry`` in rax. Changes only that and rcx.
        private(set) var enterPage: UInt = 0
        /// The same for a write to no more than a granule, which is looked at first: the page may be entered, and the write
        /// beside its window hold no code. rcx is then the distance of the page's entry from the first.
        private(set) var enterPageBesideCode: UInt = 0
        /// Called: rax = whether the ``ConditionCode`` in rax holds of the state's flags, or all of these in the raw layout
        /// for ``allFlags``. Changes only that.
        private(set) var readFlags: UInt = 0
        /// Called: the helper in ecx is called with rax and rdx; gives its result in rax. Changes only rax, rcx and rdx. The
        /// program counter and the budget are stored.
        private(set) var callHelper: UInt = 0
        /// Raises the exception in the fault record; the program counter and the budget are stored.
        private(set) var raise: UInt = 0
        /// Goes on as the state's event says, at its program counter, with its budget and context.
        private(set) var event: UInt = 0
        /// Called where floating point is on: loads its registers, rounding and flags. Changes nothing else.
        private(set) var loadFloats: UInt = 0
        /// Where ``FloatConstant``s are, 16 bytes each.
        private(set) var floatConstants: UInt = 0
        /// Bytes of all of it.
        private(set) var count = 0

        /// What translated code jumps to and calls.
        var names: [(address: UInt, name: String)] {
            [
                (outOfBudget, "outOfBudget"), (interpret, "interpret"), (resolve, "resolve"),
                (resolveJump, "resolveJump"),
                (resolveCall, "resolveCall"), (enterPage, "enterPage"),
                (enterPageBesideCode, "enterPageBesideCode"), (readFlags, "readFlags"),
                (callHelper, "callHelper"), (raise, "raise"), (event, "event"), (loadFloats, "loadFloats"),
            ]
        }

        private static let calleeSaved: [Register] = [.rbx, .rbp, .r12, .r13, .r14, .r15]
        private static let callerSaved: [Register] = [.rsi, .rdi, .r8, .r9, .r10, .r11]

        /// - Parameter base: where the assembler's first byte will be executed.
        init(_ assembler: inout Assembler, at base: UInt, _ map: RegisterMap, _ guest: GuestTranslation) {
            func here() -> UInt { base + UInt(assembler.count) }
            enter = here()
            for register in Self.calleeSaved { assembler.push(register) }
            // The call and six pushes: another word makes a multiple of 16.
            assembler.arithmetic(.subtract, .register(.rsp), constant: 8)
            assembler.address(Role.state, Memory(.rdi, Int32(Role.stateBias)))
            assembler.move(.rax, .rsi)
            assembler.load(Role.context, Role.field(\.context))
            assembler.load(Role.budget, Role.field(\.budget))
            for (guest, host) in map.general { assembler.load(host, Role.register(guest)) }
            assembler.jump(to: .register(.rax))

            let leave = assembler.label()
            assembler.align(to: 16)
            outOfBudget = here()
            assembler.move(.rax, constant: Exit.outOfBudget.rawValue)
            assembler.jump(leave)
            interpret = here()
            assembler.move(.rax, constant: Exit.interpret.rawValue)
            assembler.jump(leave)
            let leaveForEvent = assembler.label()
            assembler.bind(leaveForEvent)
            assembler.move(.rax, constant: Exit.event.rawValue)
            assembler.jump(leave)
            let resolving = assembler.label()
            resolveJump = here()
            assembler.store(Role.field(\.missedJump), constant: Int32(JumpHint.plain.rawValue) + 1, .byte)
            assembler.jump(resolving)
            resolveCall = here()
            assembler.store(Role.field(\.missedJump), constant: Int32(JumpHint.call.rawValue) + 1, .byte)
            assembler.bind(resolving)
            resolve = here()
            assembler.store(Role.field(\.programCounter), .rax)
            assembler.move(.rax, constant: Exit.resolve.rawValue)
            assembler.bind(leave)
            for (guest, host) in map.general { assembler.store(Role.register(guest), host) }
            let tables = assembler.label()
            Self.whereFloatsAreLoaded(&assembler) { Self.storeFloats(&$0, map, tables) }
            assembler.store(Role.field(\.budget), Role.budget)
            assembler.arithmetic(.add, .register(.rsp), constant: 8)
            for register in Self.calleeSaved.reversed() { assembler.pop(register) }
            assembler.return()

            assembler.align(to: 16)
            enterPage = here()
            // The call and this push make a multiple of 16.
            assembler.push(.rdx)
            // Who calls this may have other registers of the guest there than the map says. Their number is even.
            for register in Self.callerSaved { assembler.push(register) }
            Self.whereFloatsAreLoaded(&assembler) { Self.setFloatsAside(&$0, map) }
            if map.hasVectors { Self.pushVectors(&assembler, map) }
            assembler.address(.rdi, Memory(Role.state, -Int32(Role.stateBias)))
            assembler.move(.rsi, .rax)
            assembler.move(.rdx, .rcx)
            assembler.move(.rax, constant: UInt64(guest.enterPage))
            assembler.call(.register(.rax))
            Self.whereFloatsAreLoaded(&assembler) { Self.takeFloatsBack(&$0, map) }
            if map.hasVectors { Self.popVectors(&assembler, map) }
            for register in Self.callerSaved.reversed() { assembler.pop(register) }
            assembler.pop(.rdx)
            assembler.return()

            assembler.align(to: 16)
            enterPageBesideCode = here()
            Self.lookBesideCode(&assembler)
            assembler.jump(toAddress: enterPage, from: base)

            assembler.align(to: 16)
            readFlags = here()
            assembler.push(.rdx)
            assembler.push(.rcx)
            assembler.push(.rcx)
            for register in Self.callerSaved { assembler.push(register) }
            Self.whereFloatsAreLoaded(&assembler) { Self.setFloatsAside(&$0, map) }
            assembler.address(.rdi, Memory(Role.state, -Int32(Role.stateBias)))
            assembler.move(.rsi, .rax)
            assembler.move(.rax, constant: UInt64(Self.flagsFunction))
            assembler.call(.register(.rax))
            Self.whereFloatsAreLoaded(&assembler) { Self.takeFloatsBack(&$0, map) }
            for register in Self.callerSaved.reversed() { assembler.pop(register) }
            assembler.pop(.rcx)
            assembler.pop(.rcx)
            assembler.pop(.rdx)
            assembler.return()

            assembler.align(to: 16)
            callHelper = here()
            assembler.arithmetic(.subtract, .register(.rsp), constant: 8)
            // A helper may look at any register, and change it.
            for (guest, host) in map.general { assembler.store(Role.register(guest), host) }
            // It may do anything to floating point.
            Self.whereFloatsAreLoaded(&assembler) { Self.storeFloats(&$0, map, tables) }
            assembler.address(.rdi, Memory(Role.state, -Int32(Role.stateBias)))
            assembler.move(.rsi, .rcx, .word)
            assembler.move(.rcx, .rdx)
            assembler.move(.rdx, .rax)
            assembler.move(.rax, constant: UInt64(guest.callHelper))
            assembler.call(.register(.rax))
            for (guest, host) in map.general { assembler.load(host, Role.register(guest)) }
            assembler.arithmetic(.add, .register(.rsp), constant: 8)
            assembler.return()

            assembler.align(to: 16)
            raise = here()
            for (guest, host) in map.general { assembler.store(Role.register(guest), host) }
            Self.whereFloatsAreLoaded(&assembler) { Self.storeFloats(&$0, map, tables) }
            assembler.address(.rdi, Memory(Role.state, -Int32(Role.stateBias)))
            assembler.move(.rax, constant: UInt64(guest.raise))
            assembler.call(.register(.rax))
            for (guest, host) in map.general { assembler.load(host, Role.register(guest)) }
            // Floating point is not loaded here.
            event = here()
            let goOn = assembler.label()
            assembler.test(.memory(Role.field(\.event)), constant: Int32(TranslatedEvent.settle), .byte)
            assembler.jump(if: .equal, goOn)
            for (guest, host) in map.general { assembler.store(Role.register(guest), host) }
            assembler.address(.rdi, Memory(Role.state, -Int32(Role.stateBias)))
            assembler.move(.rax, constant: UInt64(guest.settle))
            assembler.call(.register(.rax))
            for (guest, host) in map.general { assembler.load(host, Role.register(guest)) }
            assembler.load(Role.budget, Role.field(\.budget))
            assembler.test(.register(.rax), .rax, .word)
            assembler.jump(if: .notEqual, leaveForEvent)
            assembler.bind(goOn)
            assembler.load(Role.budget, Role.field(\.budget))
            assembler.load(Role.context, Role.field(\.context))
            assembler.load(.rax, Role.field(\.programCounter))
            Self.jump(&assembler, at: base, resolve)

            assembler.align(to: 16)
            loadFloats = here()
            Self.loadFloats(&assembler, map, tables)
            assembler.return()
            Self.writeTables(&assembler, tables)
            assembler.align(to: 16)
            floatConstants = here()
            for constant in FloatConstant.allCases {
                for _ in 0..<2 { assembler.bytes(constant.doubleword, 8) }
            }
            assembler.finish()
            count = assembler.count
        }

        /// What ``readFlags`` takes for a code when all flags are wanted.
        static let allFlags: UInt8 = 16

        private static var flagsFunction: UInt {
            let function: @convention(c) (UnsafeMutableRawPointer, UInt64) -> UInt64 = { state, what in
                let flags = state.assumingMemoryBound(to: CoreState.self).pointee.flags
                guard let code = ConditionCode(rawValue: UInt8(truncatingIfNeeded: what)) else { return flags.raw }
                return flags.holds(code) ? 1 : 0
            }
            return unsafeBitCast(function, to: UInt.self)
        }

        /// Goes to the address in rax through the context's jump cache. Changes rcx.
        static func jump(_ assembler: inout Assembler, at base: UInt, _ resolve: UInt) {
            assembler.move(.rcx, .rax, .word)
            assembler.arithmetic(.and, .register(.rcx), constant: Int32(jumpMask), .word)
            let entry = Int32(TranslationContext.jumpOffset)
            assembler.arithmetic(.compare, .rax, .memory(Memory(Role.context, entry, index: .rcx, scale: jumpScale)))
            assembler.jump(if: .notEqual, toAddress: resolve, from: base)
            assembler.jump(to: .memory(Memory(Role.context, entry + 8, index: .rcx, scale: jumpScale)))
        }

        /// The bits of an address that choose its entry in the jump cache.
        static let jumpMask = UInt64(TranslationContext.jumpEntries - 1) << TranslationContext.jumpShift
        /// From such bits to the distance of the entry.
        private static let jumpScale = UInt8(
            MemoryLayout<TranslationContext.JumpEntry>.stride >> Int(TranslationContext.jumpShift))
    }

    /// Why translated code came back.
    enum Exit: UInt64, CaseIterable {
        case outOfBudget, interpret, resolve
        /// The run loop is wanted.
        case event
    }
}

extension X64.Trampolines {
    private typealias Generator = X64.Generator

    /// rax = the address and rcx = the ``PageUse`` as before, where nothing is known of the page; returns to the caller
    /// otherwise. Where code is in other memory than the RAM is not looked for.
    fileprivate static func lookBesideCode(_ assembler: inout X64.Assembler) {
        let (isElsewhere, isCode) = (assembler.label(), assembler.label())
        let stride = MemoryLayout<TranslationContext.WriteEntry>.stride
        for register in [.rdx, .rax, .rcx] as [X64.Register] { assembler.push(register) }
        assembler.shift(.logicalRight, .register(.rcx), by: 24)
        assembler.arithmetic(.subtract, .rax, .register(.rcx))
        assembler.move(.rcx, .rax, .word)
        assembler.shift(.logicalRight, .register(.rcx), by: 12 - UInt8(stride.trailingZeroBitCount), .word)
        assembler.arithmetic(
            .and, .register(.rcx), constant: Int32((TranslationContext.dataEntries - 1) * stride), .word)
        assembler.load(.rdx, Generator.writeEntry(\.start))
        assembler.arithmetic(.and, .register(.rdx), constant: -4096)
        assembler.arithmetic(.xor, .rax, .register(.rdx))
        assembler.arithmetic(.compare, .register(.rax), constant: 4096)
        assembler.jump(if: .aboveOrEqual, isElsewhere)
        assembler.arithmetic(.add, .rdx, .memory(Generator.writeEntry(\.addend)))
        assembler.arithmetic(.subtract, .rdx, .memory(Role.field(\.memoryHost)))
        assembler.arithmetic(.compare, .rdx, .memory(Role.field(\.memorySize)))
        assembler.jump(if: .aboveOrEqual, isElsewhere)
        assembler.shift(.logicalRight, .register(.rdx), by: 12 - 3)
        assembler.arithmetic(.add, .rdx, .memory(Role.field(\.codeGranules)))
        assembler.load(.rdx, X64.Memory(.rdx))
        assembler.push(.rcx)
        assembler.move(.rcx, .rax, .word)
        assembler.shift(.logicalRight, .register(.rcx), by: 6, .word)
        assembler.bitTest(.register(.rdx), .rcx)
        assembler.jump(if: .below, isCode)
        // The last byte: what goes over the end of the page is left to the interpreter.
        assembler.load(.rcx, X64.Memory(.rsp, 8), .word)
        assembler.shift(.logicalRight, .register(.rcx), by: 8, .word)
        assembler.arithmetic(.and, .register(.rcx), constant: 0xffff, .word)
        assembler.address(.rcx, X64.Memory(.rax, -1, index: .rcx), .word)
        assembler.shift(.logicalRight, .register(.rcx), by: 6, .word)
        assembler.arithmetic(.compare, .register(.rcx), constant: 63, .word)
        assembler.jump(if: .above, isCode)
        assembler.bitTest(.register(.rdx), .rcx)
        assembler.jump(if: .below, isCode)
        assembler.pop(.rcx)
        assembler.address(.rsp, X64.Memory(.rsp, 16))
        assembler.pop(.rdx)
        assembler.move(.rax, constant: PageEntry.besideCode.rawValue)
        assembler.return()
        assembler.bind(isCode)
        assembler.address(.rsp, X64.Memory(.rsp, 24))
        assembler.pop(.rdx)
        assembler.move(.rax, constant: PageEntry.refused.rawValue)
        assembler.return()
        assembler.bind(isElsewhere)
        for register in [.rcx, .rax, .rdx] as [X64.Register] { assembler.pop(register) }
    }
}
