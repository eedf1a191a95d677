// swift-format-ignore-file
// A table, one line an operation, however long.
/// The interpreter's handlers, one an operation, in the order of `Operation`.
///
/// Each names the same meaning as its line in `Dispatch.swift`; a test holds the two lists together. They are two because
/// a handler must contain its instruction alone: one that switched over all would have to inline them all.
extension RISCV {
    static let handlers: [Handler] = [
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try illegal(&e, i) } },  // illegal
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in loadUpperImmediate(&e, i) } },  // lui
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addUpperImmediateToProgramCounter(&e, i) } },  // auipc
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in jumpAndLink(&e, i) } },  // jal
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in jumpAndLinkRegister(&e, i) } },  // jalr
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .equal) } },  // beq
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .notEqual) } },  // bne
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .lessSigned) } },  // blt
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .greaterOrEqualSigned) } },  // bge
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .lessUnsigned) } },  // bltu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .greaterOrEqualUnsigned) } },  // bgeu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, .signed8) } },  // lb
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .half, .signed16) } },  // lh
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .signed32) } },  // lw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, nil) } },  // ld
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, nil) } },  // lbu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .half, nil) } },  // lhu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, nil) } },  // lwu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .byte) } },  // sb
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .half) } },  // sh
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word) } },  // sw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .double) } },  // sd
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .add) } },  // addi
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in setIfImmediate(&e, i, .lessSigned) } },  // slti
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in setIfImmediate(&e, i, .lessUnsigned) } },  // sltiu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .xor) } },  // xori
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .or) } },  // ori
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .and) } },  // andi
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .shiftLeft) } },  // slli
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .shiftRightLogical) } },  // srli
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .shiftRightArithmetic) } },  // srai
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .add) } },  // add
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .subtract) } },  // sub
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .shiftLeft) } },  // sll
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in setIf(&e, i, .lessSigned) } },  // slt
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in setIf(&e, i, .lessUnsigned) } },  // sltu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .xor) } },  // xor
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .shiftRightLogical) } },  // srl
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .shiftRightArithmetic) } },  // sra
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .or) } },  // or
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .and) } },  // and
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediateWord(&e, i, .add) } },  // addiw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediateWord(&e, i, .shiftLeft) } },  // slliw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediateWord(&e, i, .shiftRightLogical) } },  // srliw
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediateWord(&e, i, .shiftRightArithmetic)
            }
        },  // sraiw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .add) } },  // addw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .subtract) } },  // subw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .shiftLeft) } },  // sllw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .shiftRightLogical) } },  // srlw
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .shiftRightArithmetic) }
        },  // sraw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in nothing(&e, i) } },  // fence
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in nothing(&e, i) } },  // fence.i
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try always(&e, .environmentCall) } },  // ecall
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try always(&e, .breakpoint) } },  // ebreak
        {
            runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try writeCSR(&e, i, immediate: false) }
        },  // csrrw
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try changeCSR(&e, i, .setCSR, immediate: false)
            }
        },  // csrrs
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try changeCSR(&e, i, .clearCSR, immediate: false)
            }
        },  // csrrc
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try writeCSR(&e, i, immediate: true) } },  // csrrwi
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try changeCSR(&e, i, .setCSR, immediate: true)
            }
        },  // csrrsi
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try changeCSR(&e, i, .clearCSR, immediate: true)
            }
        },  // csrrci
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .multiply) } },  // mul
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .multiplyHighSigned) } },  // mulh
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .multiplyHighSignedUnsigned)
            }
        },  // mulhsu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .multiplyHighUnsigned) } },  // mulhu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .divideSigned) } },  // div
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .divideUnsigned) } },  // divu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .remainderSigned) } },  // rem
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .remainderUnsigned) } },  // remu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .multiply) } },  // mulw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .divideSigned) } },  // divw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .divideUnsigned) } },  // divuw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .remainderSigned) } },  // remw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .remainderUnsigned) } },  // remuw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadReserved(&e, i, .word) } },  // lr.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storeConditional(&e, i, .word) } },  // sc.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .swap, .word) } },  // amoswap.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .add, .word) } },  // amoadd.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .xor, .word) } },  // amoxor.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .and, .word) } },  // amoand.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .or, .word) } },  // amoor.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .minimumSigned, .word)
            }
        },  // amomin.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .maximumSigned, .word)
            }
        },  // amomax.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .minimumUnsigned, .word)
            }
        },  // amominu.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .maximumUnsigned, .word)
            }
        },  // amomaxu.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadReserved(&e, i, .double) } },  // lr.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storeConditional(&e, i, .double) } },  // sc.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .swap, .double) } },  // amoswap.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .add, .double) } },  // amoadd.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .xor, .double) } },  // amoxor.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .and, .double) } },  // amoand.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try atomicUpdate(&e, i, .or, .double) } },  // amoor.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .minimumSigned, .double)
            }
        },  // amomin.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .maximumSigned, .double)
            }
        },  // amomax.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .minimumUnsigned, .double)
            }
        },  // amominu.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try atomicUpdate(&e, i, .maximumUnsigned, .double)
            }
        },  // amomaxu.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try compareAndSwap(&e, i, .word) } },  // amocas.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try compareAndSwap(&e, i, .double) } },  // amocas.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try compareAndSwapPair(&e, i) } },  // amocas.q
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try wait(&e, .waitOnReservation, 0) } },  // wrs.nto
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try wait(&e, .waitOnReservation, 1) } },  // wrs.sto
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 0, unsignedWord: true) } },  // add.uw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 1, unsignedWord: false) } },  // sh1add
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 2, unsignedWord: false) } },  // sh2add
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 3, unsignedWord: false) } },  // sh3add
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 1, unsignedWord: true) } },  // sh1add.uw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 2, unsignedWord: true) } },  // sh2add.uw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftAdd(&e, i, 3, unsignedWord: true) } },  // sh3add.uw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in shiftLeftUnsignedWord(&e, i) } },  // slli.uw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .andNot) } },  // andn
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .orNot) } },  // orn
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .xorNot) } },  // xnor
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .countLeadingZeros, .double) } },  // clz
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .countLeadingZeros, .word) } },  // clzw
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .countTrailingZeros, .double) }
        },  // ctz
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .countTrailingZeros, .word) } },  // ctzw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .countOnes, .double) } },  // cpop
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .countOnes, .word) } },  // cpopw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .maximumSigned) } },  // max
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .maximumUnsigned) } },  // maxu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .minimumSigned) } },  // min
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .minimumUnsigned) } },  // minu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extend(&e, i, .signed8) } },  // sext.b
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extend(&e, i, .signed16) } },  // sext.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extend(&e, i, .zero16) } },  // zext.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .rotateLeft) } },  // rol
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .rotateLeft) } },  // rolw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .rotateRight) } },  // ror
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .rotateRight) } },  // rorw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .rotateRight) } },  // rori
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediateWord(&e, i, .rotateRight) } },  // roriw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .orCombineBytes, .double) } },  // orc.b
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .reverseBytes, .double) } },  // rev8
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .carrylessMultiply) } },  // clmul
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .carrylessMultiplyHigh) } },  // clmulh
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .carrylessMultiplyReversed)
            }
        },  // clmulr
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in singleBit(&e, i, .andNot, immediate: false)
            }
        },  // bclr
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extractBit(&e, i, immediate: false) } },  // bext
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in singleBit(&e, i, .xor, immediate: false) } },  // binv
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in singleBit(&e, i, .or, immediate: false) } },  // bset
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in singleBit(&e, i, .andNot, immediate: true) }
        },  // bclri
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extractBit(&e, i, immediate: true) } },  // bexti
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in singleBit(&e, i, .xor, immediate: true) } },  // binvi
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in singleBit(&e, i, .or, immediate: true) } },  // bseti
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in conditionalZero(&e, i, .equal) } },  // czero.eqz
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in conditionalZero(&e, i, .notEqual) } },  // czero.nez
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in pack(&e, i, .word) } },  // pack
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in pack(&e, i, .byte) } },  // packh
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in pack(&e, i, .half) } },  // packw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .reverseBitsInBytes, .double) } },  // brev8
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in permute(&e, i, bits: 4) } },  // xperm4
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in permute(&e, i, bits: 8) } },  // xperm8
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try cacheBlock(&e, i, 0) } },  // cbo.inval
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try cacheBlock(&e, i, 1) } },  // cbo.clean
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try cacheBlock(&e, i, 2) } },  // cbo.flush
        { runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try cacheBlock(&e, i, 4) } },  // cbo.zero
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try exceptionReturn(&e, .supervisorReturn) }
        },  // sret
        {
            runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try exceptionReturn(&e, .machineReturn)
            }
        },  // mret
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try wait(&e, .waitForInterrupt, 0) } },  // wfi
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fence(&e, i, .supervisorFence) } },  // sfence.vma
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fence(&e, i, .supervisorFence) } },  // sinval.vma
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fenceOrder(&e, i) } },  // sfence.w.inval
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fenceOrder(&e, i) } },  // sfence.inval.ir
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fence(&e, i, .virtualFence) } },  // hfence.vvma
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fence(&e, i, .guestFence) } },  // hfence.gvma
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fence(&e, i, .virtualFence) } },  // hinval.vvma
        { runWhole(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try fence(&e, i, .guestFence) } },  // hinval.gvma
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .byte, .signed8) }
        },  // hlv.b
        {
            runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .byte, nil) }
        },  // hlv.bu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .half, .signed16)
            }
        },  // hlv.h
        {
            runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .half, nil) }
        },  // hlv.hu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try hypervisorLoad(&e, i, .half, nil, execute: true)
            }
        },  // hlvx.hu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .word, .signed32)
            }
        },  // hlv.w
        {
            runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .word, nil) }
        },  // hlv.wu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try hypervisorLoad(&e, i, .word, nil, execute: true)
            }
        },  // hlvx.wu
        {
            runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorLoad(&e, i, .double, nil)
            }
        },  // hlv.d
        { runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorStore(&e, i, .byte) } },  // hsv.b
        { runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorStore(&e, i, .half) } },  // hsv.h
        { runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorStore(&e, i, .word) } },  // hsv.w
        { runAccess(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try hypervisorStore(&e, i, .double) } },  // hsv.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadFloat(&e, i, .half) } },  // flh
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadFloat(&e, i, .single) } },  // flw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadFloat(&e, i, .double) } },  // fld
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storeFloat(&e, i, .half) } },  // fsh
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storeFloat(&e, i, .single) } },  // fsw
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storeFloat(&e, i, .double) } },  // fsd
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatFused(&e, i, .multiplyAdd, .single)
            }
        },  // fmadd.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .multiplySubtract, .single)
            }
        },  // fmsub.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .negatedMultiplyAdd, .single)
            }
        },  // fnmsub.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .negatedMultiplySubtract, .single)
            }
        },  // fnmadd.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .add, .single) } },  // fadd.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .subtract, .single) }
        },  // fsub.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .multiply, .single) }
        },  // fmul.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .divide, .single) } },  // fdiv.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSquareRoot(&e, i, .single) } },  // fsqrt.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .copy, .single) } },  // fsgnj.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .negate, .single) } },  // fsgnjn.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .exclusiveOr, .single)
            }
        },  // fsgnjx.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatExtremum(&e, i, .minimumNumber, .single)
            }
        },  // fmin.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatExtremum(&e, i, .maximumNumber, .single)
            }
        },  // fmax.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatCompare(&e, i, .lessOrEqual, .single)
            }
        },  // fle.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .less, .single) } },  // flt.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .equal, .single) } },  // feq.s
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatClassify(&e, i, .single) } },  // fclass.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .single, .word, signed: true)
            }
        },  // fcvt.w.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .single, .word, signed: false)
            }
        },  // fcvt.wu.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .single, .double, signed: true)
            }
        },  // fcvt.l.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .single, .double, signed: false)
            }
        },  // fcvt.lu.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .single, .word, signed: true)
            }
        },  // fcvt.s.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .single, .word, signed: false)
            }
        },  // fcvt.s.wu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .single, .double, signed: true)
            }
        },  // fcvt.s.l
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .single, .double, signed: false)
            }
        },  // fcvt.s.lu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try moveFromFloat(&e, i, .single) } },  // fmv.x.w
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try moveToFloat(&e, i, .single) } },  // fmv.w.x
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatFused(&e, i, .multiplyAdd, .double)
            }
        },  // fmadd.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .multiplySubtract, .double)
            }
        },  // fmsub.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .negatedMultiplyAdd, .double)
            }
        },  // fnmsub.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .negatedMultiplySubtract, .double)
            }
        },  // fnmadd.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .add, .double) } },  // fadd.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .subtract, .double) }
        },  // fsub.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .multiply, .double) }
        },  // fmul.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .divide, .double) } },  // fdiv.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSquareRoot(&e, i, .double) } },  // fsqrt.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .copy, .double) } },  // fsgnj.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .negate, .double) } },  // fsgnjn.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .exclusiveOr, .double)
            }
        },  // fsgnjx.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatExtremum(&e, i, .minimumNumber, .double)
            }
        },  // fmin.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatExtremum(&e, i, .maximumNumber, .double)
            }
        },  // fmax.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatCompare(&e, i, .lessOrEqual, .double)
            }
        },  // fle.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .less, .double) } },  // flt.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .equal, .double) } },  // feq.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatClassify(&e, i, .double) } },  // fclass.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .double, .word, signed: true)
            }
        },  // fcvt.w.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .double, .word, signed: false)
            }
        },  // fcvt.wu.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .double, .double, signed: true)
            }
        },  // fcvt.l.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .double, .double, signed: false)
            }
        },  // fcvt.lu.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .double, .word, signed: true)
            }
        },  // fcvt.d.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .double, .word, signed: false)
            }
        },  // fcvt.d.wu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .double, .double, signed: true)
            }
        },  // fcvt.d.l
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .double, .double, signed: false)
            }
        },  // fcvt.d.lu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try moveFromFloat(&e, i, .double) } },  // fmv.x.d
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try moveToFloat(&e, i, .double) } },  // fmv.d.x
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatFused(&e, i, .multiplyAdd, .half) }
        },  // fmadd.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .multiplySubtract, .half)
            }
        },  // fmsub.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .negatedMultiplyAdd, .half)
            }
        },  // fnmsub.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatFused(&e, i, .negatedMultiplySubtract, .half)
            }
        },  // fnmadd.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .add, .half) } },  // fadd.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .subtract, .half) } },  // fsub.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .multiply, .half) } },  // fmul.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatBinary(&e, i, .divide, .half) } },  // fdiv.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSquareRoot(&e, i, .half) } },  // fsqrt.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .copy, .half) } },  // fsgnj.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .negate, .half) } },  // fsgnjn.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatSign(&e, i, .exclusiveOr, .half) } },  // fsgnjx.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatExtremum(&e, i, .minimumNumber, .half)
            }
        },  // fmin.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try floatExtremum(&e, i, .maximumNumber, .half)
            }
        },  // fmax.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .lessOrEqual, .half)
            }
        },  // fle.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .less, .half) } },  // flt.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatCompare(&e, i, .equal, .half) } },  // feq.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try floatClassify(&e, i, .half) } },  // fclass.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .half, .word, signed: true)
            }
        },  // fcvt.w.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .half, .word, signed: false)
            }
        },  // fcvt.wu.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .half, .double, signed: true)
            }
        },  // fcvt.l.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertToInteger(&e, i, .half, .double, signed: false)
            }
        },  // fcvt.lu.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .half, .word, signed: true)
            }
        },  // fcvt.h.w
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .half, .word, signed: false)
            }
        },  // fcvt.h.wu
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .half, .double, signed: true)
            }
        },  // fcvt.h.l
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFromInteger(&e, i, .half, .double, signed: false)
            }
        },  // fcvt.h.lu
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try moveFromFloat(&e, i, .half) } },  // fmv.x.h
        { run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try moveToFloat(&e, i, .half) } },  // fmv.h.x
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFormat(&e, i, from: .double, to: .single)
            }
        },  // fcvt.s.d
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFormat(&e, i, from: .single, to: .double)
            }
        },  // fcvt.d.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFormat(&e, i, from: .half, to: .single)
            }
        },  // fcvt.s.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFormat(&e, i, from: .single, to: .half)
            }
        },  // fcvt.h.s
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFormat(&e, i, from: .half, to: .double)
            }
        },  // fcvt.d.h
        {
            run(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try convertFormat(&e, i, from: .double, to: .half)
            }
        },  // fcvt.h.d
    ]

    /// Those of operations that have compressed encodings, for these.
    static let compressedHandlers: [(operation: Operation, handler: Handler)] = [
        (.lui, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in loadUpperImmediate(&e, i) } }),
        (.jal, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in jumpAndLink(&e, i) } }),
        (.jalr, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in jumpAndLinkRegister(&e, i) } }),
        (.beq, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .equal) } }),
        (.bne, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i, .notEqual) } }),
        (.lw, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .signed32) } }),
        (.ld, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, nil) } }),
        (.sw, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word) } }),
        (.sd, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .double) } }),
        (.addi, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .add) } }),
        (.andi, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .and) } }),
        (.slli, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .shiftLeft) } }),
        (.srli, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .shiftRightLogical) } }),
        (.srai, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediate(&e, i, .shiftRightArithmetic) } }),
        (.add, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .add) } }),
        (.sub, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .subtract) } }),
        (.xor, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .xor) } }),
        (.or, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .or) } }),
        (.and, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .and) } }),
        (.addiw, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in immediateWord(&e, i, .add) } }),
        (.addw, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .add) } }),
        (.subw, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in registerWord(&e, i, .subtract) } }),
        (.fld, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadFloat(&e, i, .double) } }),
        (.fsd, { run(RISCV.self, length: 2, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storeFloat(&e, i, .double) } }),
    ]

    /// Those of control transfers of any length in cold code: after a jump the run loop looks whether it is translated.
    static let transferHandlers: [(operation: Operation, handler: Handler)] = [
        (.jal, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in jumpAndLink(&e, i) } }),
        (.jalr, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in jumpAndLinkRegister(&e, i) } }),
        (.beq, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i, .equal) } }),
        (.bne, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i, .notEqual) } }),
        (.blt, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i, .lessSigned) } }),
        (.bge, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i, .greaterOrEqualSigned) } }),
        (.bltu, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i, .lessUnsigned) } }),
        (.bgeu, { runTransfer(RISCV.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i, .greaterOrEqualUnsigned) } }),
    ]
}
