import ISA

/// The handlers of loads and stores.
extension AArch64 {
    static let memoryHandlers: [(operation: Operation, word: Handler, double: Handler)] = [
        (
            .ldr_literal,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadLiteral(&e, i, .word) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadLiteral(&e, i, .double) } }
        ),
        (
            .stp_post,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try storePair(&e, i, .word, .postIndexed)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try storePair(&e, i, .double, .postIndexed)
                }
            }
        ),
        (
            .ldp_post,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try loadPair(&e, i, .word, .postIndexed)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try loadPair(&e, i, .double, .postIndexed)
                }
            }
        ),
        (
            .stp_offset,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storePair(&e, i, .word, .offset) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try storePair(&e, i, .double, .offset)
                }
            }
        ),
        (
            .ldp_offset,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadPair(&e, i, .word, .offset) } },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try loadPair(&e, i, .double, .offset)
                }
            }
        ),
        (
            .stp_pre,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try storePair(&e, i, .word, .preIndexed)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try storePair(&e, i, .double, .preIndexed)
                }
            }
        ),
        (
            .ldp_pre,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try loadPair(&e, i, .word, .preIndexed)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try loadPair(&e, i, .double, .preIndexed)
                }
            }
        ),
        both(.sturb) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .byte, .offset) }
        },
        both(.ldurb) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, .offset) }
        },
        both(.sturh) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .half, .offset) }
        },
        both(.ldurh) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .half, .offset) }
        },
        (
            .stur,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word, .offset) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .double, .offset) } }
        ),
        (
            .ldur,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .offset) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, .offset) } }
        ),
        both(.ldursw) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .offset, .signed32)
            }
        },
        both(.strb_post) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .byte, .postIndexed) }
        },
        both(.ldrb_post) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, .postIndexed) }
        },
        both(.strh_post) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .half, .postIndexed) }
        },
        both(.ldrh_post) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .half, .postIndexed) }
        },
        (
            .str_post,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word, .postIndexed)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try store(&e, i, .double, .postIndexed)
                }
            }
        ),
        (
            .ldr_post,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .postIndexed) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, .postIndexed)
                }
            }
        ),
        both(.strb_pre) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .byte, .preIndexed) }
        },
        both(.ldrb_pre) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, .preIndexed) }
        },
        (
            .str_pre,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word, .preIndexed) }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .double, .preIndexed)
                }
            }
        ),
        (
            .ldr_pre,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .preIndexed) } },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, .preIndexed)
                }
            }
        ),
        both(.strb_register) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .byte, .register) }
        },
        both(.ldrb_register) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, .register) }
        },
        both(.strh_register) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .half, .register) }
        },
        both(.ldrh_register) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .half, .register) }
        },
        (
            .str_register,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word, .register) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .double, .register) } }
        ),
        (
            .ldr_register,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .register) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, .register) } }
        ),
        both(.ldrsw_register) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                try load(&e, i, .word, .register, .signed32)
            }
        },
        both(.strb_unsigned) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .byte, .offset) }
        },
        both(.ldrb_unsigned) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .byte, .offset) }
        },
        (
            .ldrsb_unsigned,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try load(&e, i, .byte, .offset, .signed8, target: .word)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try load(&e, i, .byte, .offset, .signed8, target: .double)
                }
            }
        ),
        both(.strh_unsigned) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .half, .offset) }
        },
        both(.ldrh_unsigned) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .half, .offset) }
        },
        (
            .ldrsh_unsigned,
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try load(&e, i, .half, .offset, .signed16, target: .word)
                }
            },
            {
                run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in
                    try load(&e, i, .half, .offset, .signed16, target: .double)
                }
            }
        ),
        (
            .str_unsigned,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .word, .offset) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try store(&e, i, .double, .offset) } }
        ),
        (
            .ldr_unsigned,
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .offset) } },
            { run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .double, .offset) } }
        ),
        both(.ldrsw_unsigned) {
            run(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try load(&e, i, .word, .offset, .signed32)
            }
        },
    ]
}
