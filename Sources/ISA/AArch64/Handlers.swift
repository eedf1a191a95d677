import ISA

/// The handlers of the operations that most time is spent in, of 32 bits and of 64; all others share one, which goes by
/// Dispatch.swift. An operation that is the same for both has one. Here is all but loads and stores, which are in
/// HandlersMemory.swift.
extension AArch64 {
    static let handlers = computingHandlers + memoryHandlers

    private static let computingHandlers: [(operation: Operation, word: Handler, double: Handler)] = [
        both(.adr) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in address(&e, i) } },
        both(.adrp) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addressOfPage(&e, i) } },
        (
            .add_immediate,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addImmediate(&e, i, .word, .add) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addImmediate(&e, i, .double, .add) } }
        ),
        (
            .adds_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addImmediate(&e, i, .word, .add, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addImmediate(&e, i, .double, .add, setsFlags: true)
                }
            }
        ),
        (
            .sub_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addImmediate(&e, i, .word, .subtract)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addImmediate(&e, i, .double, .subtract)
                }
            }
        ),
        (
            .subs_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addImmediate(&e, i, .word, .subtract, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addImmediate(&e, i, .double, .subtract, setsFlags: true)
                }
            }
        ),
        (
            .and_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalImmediate(&e, i, .word, .and) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalImmediate(&e, i, .double, .and)
                }
            }
        ),
        (
            .orr_immediate,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalImmediate(&e, i, .word, .or) } },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalImmediate(&e, i, .double, .or)
                }
            }
        ),
        (
            .eor_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalImmediate(&e, i, .word, .xor) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalImmediate(&e, i, .double, .xor)
                }
            }
        ),
        (
            .ands_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalImmediate(&e, i, .word, .and, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalImmediate(&e, i, .double, .and, setsFlags: true)
                }
            }
        ),
        (
            .movn,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in moveWide(&e, i, .word, inverted: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    moveWide(&e, i, .double, inverted: true)
                }
            }
        ),
        (
            .movz,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    moveWide(&e, i, .word, inverted: false)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    moveWide(&e, i, .double, inverted: false)
                }
            }
        ),
        (
            .movk,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in moveKeeping(&e, i, .word) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in moveKeeping(&e, i, .double) } }
        ),
        (
            .sbfm,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    bitField(&e, i, .word, .shiftRightArithmetic)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    bitField(&e, i, .double, .shiftRightArithmetic)
                }
            }
        ),
        (
            .bfm,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in bitFieldInsert(&e, i, .word) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in bitFieldInsert(&e, i, .double) } }
        ),
        (
            .ubfm,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    bitField(&e, i, .word, .shiftRightLogical)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    bitField(&e, i, .double, .shiftRightLogical)
                }
            }
        ),
        (
            .extr,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extract(&e, i, .word) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in extract(&e, i, .double) } }
        ),
        both(.b_cond) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branch(&e, i) } },
        both(.b) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in e.jump(offset: i.immediate) } },
        both(.bl) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in link(&e, i) } },
        (
            .cbz,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in compareAndBranch(&e, i, .word, .equal)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    compareAndBranch(&e, i, .double, .equal)
                }
            }
        ),
        (
            .cbnz,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    compareAndBranch(&e, i, .word, .notEqual)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    compareAndBranch(&e, i, .double, .notEqual)
                }
            }
        ),
        both(.tbz) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in testAndBranch(&e, i, .equal) } },
        both(.tbnz) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in testAndBranch(&e, i, .notEqual) }
        },
        both(.br) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try branchIndirect(&e, i, .plain) }
        },
        both(.blr) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try branchIndirect(&e, i, .call) }
        },
        both(.ret) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in branchToRegister(&e, i, .return) }
        },
        both(.nop) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in nothing(&e) } },
        both(.dmb) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in nothing(&e) } },
        both(.dsb) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in nothing(&e) } },
        both(.isb) { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in nothing(&e) } },
        (
            .udiv,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in divide(&e, i, .word, .divideUnsigned)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    divide(&e, i, .double, .divideUnsigned)
                }
            }
        ),
        (
            .sdiv,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in divide(&e, i, .word, .divideSigned) } },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in divide(&e, i, .double, .divideSigned)
                }
            }
        ),
        (
            .lslv,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .word, .shiftLeft) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .double, .shiftLeft) } }
        ),
        (
            .lsrv,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    register(&e, i, .word, .shiftRightLogical)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    register(&e, i, .double, .shiftRightLogical)
                }
            }
        ),
        (
            .asrv,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    register(&e, i, .word, .shiftRightArithmetic)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    register(&e, i, .double, .shiftRightArithmetic)
                }
            }
        ),
        (
            .rorv,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .word, .rotateRight) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in register(&e, i, .double, .rotateRight)
                }
            }
        ),
        (
            .rbit,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .word, .reverseBits) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .double, .reverseBits) } }
        ),
        (
            .rev,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .word, .reverseBytes) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in unary(&e, i, .double, .reverseBytes) } }
        ),
        (
            .clz,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    unary(&e, i, .word, .countLeadingZeros)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    unary(&e, i, .double, .countLeadingZeros)
                }
            }
        ),
        (
            .and_shifted,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .word, .and) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .double, .and) } }
        ),
        (
            .bic_shifted,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .word, .andNot)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalShifted(&e, i, .double, .andNot)
                }
            }
        ),
        (
            .orr_shifted,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .word, .or) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .double, .or) } }
        ),
        (
            .orn_shifted,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .word, .orNot) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .double, .orNot)
                }
            }
        ),
        (
            .eor_shifted,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .word, .xor) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in logicalShifted(&e, i, .double, .xor) } }
        ),
        (
            .ands_shifted,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalShifted(&e, i, .word, .and, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalShifted(&e, i, .double, .and, setsFlags: true)
                }
            }
        ),
        (
            .bics_shifted,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalShifted(&e, i, .word, .andNot, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    logicalShifted(&e, i, .double, .andNot, setsFlags: true)
                }
            }
        ),
        (
            .add_shifted,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addShifted(&e, i, .word, .add) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addShifted(&e, i, .double, .add) } }
        ),
        (
            .adds_shifted,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addShifted(&e, i, .word, .add, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addShifted(&e, i, .double, .add, setsFlags: true)
                }
            }
        ),
        (
            .sub_shifted,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addShifted(&e, i, .word, .subtract) } },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addShifted(&e, i, .double, .subtract)
                }
            }
        ),
        (
            .subs_shifted,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addShifted(&e, i, .word, .subtract, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addShifted(&e, i, .double, .subtract, setsFlags: true)
                }
            }
        ),
        (
            .add_extended,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addExtended(&e, i, .word, .add) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addExtended(&e, i, .double, .add) } }
        ),
        (
            .sub_extended,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addExtended(&e, i, .word, .subtract) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addExtended(&e, i, .double, .subtract)
                }
            }
        ),
        (
            .subs_extended,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addExtended(&e, i, .word, .subtract, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addExtended(&e, i, .double, .subtract, setsFlags: true)
                }
            }
        ),
        (
            .adc,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addWithCarry(&e, i, .word) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in addWithCarry(&e, i, .double) } }
        ),
        (
            .adcs,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addWithCarry(&e, i, .word, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    addWithCarry(&e, i, .double, setsFlags: true)
                }
            }
        ),
        (
            .sbc,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in subtractWithCarry(&e, i, .word) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in subtractWithCarry(&e, i, .double) } }
        ),
        (
            .sbcs,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    subtractWithCarry(&e, i, .word, setsFlags: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    subtractWithCarry(&e, i, .double, setsFlags: true)
                }
            }
        ),
        (
            .ccmp_register,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    conditionalCompare(&e, i, .word, .subtract, immediate: false)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    conditionalCompare(&e, i, .double, .subtract, immediate: false)
                }
            }
        ),
        (
            .ccmp_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    conditionalCompare(&e, i, .word, .subtract, immediate: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    conditionalCompare(&e, i, .double, .subtract, immediate: true)
                }
            }
        ),
        (
            .ccmn_immediate,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    conditionalCompare(&e, i, .word, .add, immediate: true)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    conditionalCompare(&e, i, .double, .add, immediate: true)
                }
            }
        ),
        (
            .csel,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .word, .plain) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .double, .plain) } }
        ),
        (
            .csinc,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .word, .increment) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .double, .increment) } }
        ),
        (
            .csinv,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .word, .invert) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .double, .invert) } }
        ),
        (
            .csneg,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .word, .negate) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in select(&e, i, .double, .negate) } }
        ),
        (
            .madd,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in multiplyAdd(&e, i, .word, .add) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in multiplyAdd(&e, i, .double, .add) } }
        ),
        (
            .msub,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in multiplyAdd(&e, i, .word, .subtract) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in multiplyAdd(&e, i, .double, .subtract)
                }
            }
        ),
        both(.smaddl) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in multiplyAddLong(&e, i, .signed32, .add) }
        },
        both(.umaddl) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in multiplyAddLong(&e, i, .zero32, .add) }
        },
        both(.smulh) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                register(&e, i, .double, .multiplyHighSigned)
            }
        },
        both(.umulh) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                register(&e, i, .double, .multiplyHighUnsigned)
            }
        },
    ]

    static func both(
        _ operation: Operation, _ handler: @escaping Handler
    ) -> (operation: Operation, word: Handler, double: Handler) {
        (operation, handler, handler)
    }
}
